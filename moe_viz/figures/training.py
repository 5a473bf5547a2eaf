"""How routing changed while a model was trained."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from moe_viz.figures.template import chart_layout
from moe_viz.figures.theme import NEUTRAL, SERIES, SYMBOLS

_HEIGHT = 340  # pixels


def lines_by_layer(
    table: pd.DataFrame, column: str, updates: Sequence[int], title: str, limits: Sequence[float]
) -> go.Figure:
    """One line per layer over the frames of a recording.

    `table` has a row for each frame and layer: updates, tokens, layer and `column`. `updates` are
    the frames that the axis has, which may be more than the table's; `limits` end the other axis,
    so that two recordings can be compared.
    """
    figure = go.Figure(layout=_layout(updates, title, limits))
    for layer in table["layer"].unique().tolist():
        rows = table[table["layer"] == layer]
        colour, symbol = SERIES[layer % len(SERIES)], SYMBOLS[layer % len(SYMBOLS)]
        figure.add_scatter(
            x=[f"{n:,}" for n in rows["updates"]],
            y=rows[column],
            name=f"layer {layer}",
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"color": colour, "symbol": symbol, "size": 7},
            customdata=rows[["tokens"]],
            hovertemplate=f"layer {layer}, %{{x}} updates, %{{customdata[0]:,}} tokens<br>%{{y:.3f}}<extra></extra>",
        )
    return figure


def lines_by_domain(
    table: pd.DataFrame, column: str, updates: Sequence[int], title: str, limits: Sequence[float]
) -> go.Figure:
    """A thin line per domain and a thick line for their mean.

    `table` has a row for each frame and domain: updates, tokens, domain and `column`.
    """
    figure = go.Figure(layout=_layout(updates, title, limits))
    mean = table.groupby("updates", as_index=False)[column].mean()
    for domain, rows in table.groupby("domain"):
        figure.add_scatter(
            x=[f"{n:,}" for n in rows["updates"]],
            y=rows[column],
            name=domain,
            mode="lines",
            showlegend=False,
            line={"color": NEUTRAL, "width": 1},
            hovertemplate=f"{domain}, %{{x}} updates<br>%{{y:.2f}}<extra></extra>",
        )
    figure.add_scatter(
        x=[f"{n:,}" for n in mean["updates"]],
        y=mean[column],
        name="mean of all kinds of text",
        mode="lines+markers",
        showlegend=True,
        line={"color": SERIES[0], "width": 3},
        marker={"color": SERIES[0], "size": 7},
        hovertemplate="mean, %{x} updates<br>%{y:.2f}<extra></extra>",
    )
    return figure


def _layout(updates: Sequence[int], title: str, limits: Sequence[float]) -> go.Layout:
    xaxis = {
        "title": {"text": "updates"},
        "categoryorder": "array",
        "categoryarray": [f"{n:,}" for n in updates],
        "range": [-0.4, len(updates) - 0.6],
    }
    return chart_layout(_HEIGHT, xaxis, {"title": {"text": title}, "range": list(limits)})
