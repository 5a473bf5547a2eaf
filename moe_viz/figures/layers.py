"""Layer by layer: how evenly experts are used, and how undecided the routers are."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from moe_viz.figures.template import chart_layout
from moe_viz.figures.theme import ACCENT, NEUTRAL, SECOND, TRANSPARENT

_HEIGHT = 300  # pixels


def effective_experts(table: pd.DataFrame) -> go.Figure:
    """Bars of the effective number of experts, e^H of the load, within the number there are.

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
            figure.add_scatter(
                x=table["layer"],
                y=table[column],
                name=name,
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2},
                marker={"color": colour, "symbol": symbol, "size": 8},
                hovertemplate=f"layer %{{x}}<br>{name.split(':')[0]}: %{{y:.4f}}<extra></extra>",
            )
    return figure.update_layout(yaxis={"range": [0, 1.04]})


def _layout(y_title: str) -> go.Layout:
    # Categories: dense layers lie between, and a layer without a router shall have no bar.
    return chart_layout(_HEIGHT, {"title": {"text": "layer"}}, {"title": {"text": y_title}})
