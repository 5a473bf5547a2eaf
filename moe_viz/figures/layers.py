"""Layer by layer: how evenly experts are used, and how undecided the routers are."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from moe_viz.figures.template import chart_layout
from moe_viz.figures.theme import ACCENT, NEUTRAL, SECOND, SERIES, SYMBOLS, TRANSPARENT

_HEIGHT = 300  # pixels


def effective_expert_bars(table: pd.DataFrame) -> go.Figure:
    """Bars of the effective number of experts, e^H of the load, within the number of experts.

    `table` is a `layer_table`: layer, num_experts, effective_experts, unused_experts, max_violation.
    """
    figure = go.Figure(layout=_layout("experts"))
    figure.add_bar(
        x=table["layer"],
        y=table["num_experts"],
        name="in the layer",
        marker={"color": TRANSPARENT, "line": {"color": NEUTRAL, "width": 1}},
        hoverinfo="skip",
    )
    figure.add_bar(
        x=table["layer"],
        y=table["effective_experts"],
        name="effective (e^entropy of the load)",
        marker={"color": ACCENT},
        customdata=table[["num_experts", "unused_experts", "max_violation"]].to_numpy(),
        hovertemplate=(
            "layer %{x}<br>effective experts: %{y:.2f} of %{customdata[0]}<br>"
            "unused: %{customdata[1]}<br>MaxVio: %{customdata[2]:.3f}<extra></extra>"
        ),
    )
    return figure.update_layout(barmode="overlay", yaxis={"rangemode": "tozero"})


def entropies(table: pd.DataFrame) -> go.Figure:
    """Lines of two entropies, each as a share of ln(experts): of the load, and of a token's router scores.

    `table` is a `layer_table`: layer, load_entropy_normalized, router_entropy_normalized. A line
    whose values are all unknown is left out.
    """
    figure = go.Figure(layout=_layout("share of the largest entropy"))
    series = (
        ("load_entropy_normalized", "load: 1 is an even spread", ACCENT, "solid", "circle"),
        ("router_entropy_normalized", "router, mean over tokens: 1 is undecided", SECOND, "dash", "diamond"),
    )
    for column, name, colour, dash, symbol in series:
        if table[column].notna().any():
            figure.add_trace(_line(table, column, name, colour, symbol, f"{name.split(':')[0]}: %{{y:.4f}}", dash))
    return figure.update_layout(yaxis={"range": [0, 1.04]})


def unevenness(table: pd.DataFrame) -> go.Figure:
    """Lines of three measures of an uneven load. `table` is a `layer_table`: layer, max_violation,
    coefficient_of_variation, gini, dead_experts.
    """
    figure = go.Figure(layout=_layout("0 is an even spread"))
    series = (("max_violation", "MaxVio"), ("coefficient_of_variation", "CV"), ("gini", "Gini"))
    for (column, name), colour, symbol in zip(series, SERIES, SYMBOLS, strict=False):
        line = _line(table, column, name, colour, symbol, f"{name}: %{{y:.3f}}<br>dead experts: %{{customdata[0]}}")
        figure.add_trace(line.update(customdata=table[["dead_experts"]].to_numpy()))
    return figure.update_layout(yaxis={"rangemode": "tozero"})


def repetition_lines(table: pd.DataFrame) -> go.Figure:
    """Shares of neighbouring tokens that go to the same experts, each with its chance level, dashed.

    `table` is a `repetition_table`: layer, first, either, first_chance_at_load, either_chance. Where a token
    has one expert, both shares are the same, and the second is left out.
    """
    figure = go.Figure(layout=_layout("share of neighbouring tokens"))
    series = (
        ("either", "either_chance", "share any expert", SECOND, "diamond"),
        ("first", "first_chance_at_load", "same first choice", ACCENT, "circle"),
    )
    alike = table["either"].equals(table["first"])
    for column, chance, name, colour, symbol in series[int(alike) :]:
        figure.add_trace(_line(table, column, name, colour, symbol, f"{name}: %{{y:.1%}}"))
        figure.add_scatter(
            x=table["layer"],
            y=table[chance],
            name=f"{name}, by chance",
            mode="lines",
            line={"color": colour, "width": 2, "dash": "dot"},
            hovertemplate=f"layer %{{x}}<br>{name}, by chance: %{{y:.1%}}<extra></extra>",
        )
    return figure.update_layout(yaxis={"rangemode": "tozero", "tickformat": ".0%"})


def _line(
    table: pd.DataFrame, column: str, name: str, colour: str, symbol: str, said: str, dash: str = "solid"
) -> go.Scatter:
    """A column by layer; `said` is its hover text."""
    return go.Scatter(
        x=table["layer"],
        y=table[column],
        name=name,
        mode="lines+markers",
        line={"color": colour, "dash": dash, "width": 2},
        marker={"color": colour, "symbol": symbol, "size": 8},
        hovertemplate=f"layer %{{x}}<br>{said}<extra></extra>",
    )


def _layout(y_title: str) -> go.Layout:
    # Categories: dense layers lie between, and a layer without a router shall have no bar.
    return chart_layout(_HEIGHT, {"title": {"text": "layer"}}, {"title": {"text": y_title}})
