"""One expert among the others: which domains it serves, and how much it does."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from moe_viz.figures.heatmap import tick_step
from moe_viz.figures.template import TEMPLATE, chart_layout
from moe_viz.figures.theme import ACCENT, IDLE, NEUTRAL, SECOND, TEXT

_ROW, _AROUND = 22, 96  # pixels
_HEIGHT = 240  # pixels


def share_by_domain(table: pd.DataFrame, even: float, overall: float) -> go.Figure:
    """The share of each domain's tokens that an expert takes, one row per domain, the first on top, with its interval.

    `table` has a row for each domain: name, share, low, high (NaN where there is no interval), marked.
    Lines stand at an even spread's share, and at the expert's `overall` one.
    """
    most = max(float(np.nanmax(table[["share", "high"]].to_numpy())), even)
    figure = go.Figure(
        layout={
            "template": TEMPLATE,
            "height": _AROUND + _ROW * len(table),
            "margin": {"t": 8, "b": 8, "l": 8, "r": 8},
            "hovermode": "closest",
            "legend": {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0},
            "xaxis": {"tickformat": ".0%", "range": [-0.02 * most, 1.06 * most], "fixedrange": True, "nticks": 6},
            "yaxis": {
                "tickvals": list(range(len(table))),
                "ticktext": [escape(name) for name in table["name"]],
                "range": [len(table) - 0.5, -0.5],
                "fixedrange": True,
            },
        }
    )
    for marked, name, colour in ((True, "specialist", SECOND), (False, "not marked", ACCENT)):
        at = np.flatnonzero(table["marked"] == marked)
        if not len(at):
            continue
        rows = table.iloc[at]
        error = {
            "type": "data",
            "symmetric": False,
            "array": rows["high"] - rows["share"],
            "arrayminus": rows["share"] - rows["low"],
            "thickness": 2,
            "width": 0,
        }
        figure.add_scatter(
            x=rows["share"],
            y=at,
            name=name,
            mode="markers",
            marker={"color": colour, "size": 10, "symbol": "diamond" if marked else "circle"},
            error_x=error if rows["low"].notna().any() else None,
            text=[escape(name) for name in rows["name"]],
            customdata=rows[["low", "high"]],
            hovertemplate="%{text}: %{x:.1%} of its tokens"
            + ("<br>interval %{customdata[0]:.1%} to %{customdata[1]:.1%}" if rows["low"].notna().any() else "")
            + "<extra></extra>",
        )
    for at_share, dash, name in ((overall, "solid", "all domains"), (even, "dot", "even spread")):
        figure.add_scatter(
            x=[at_share, at_share],
            y=[-0.5, len(table) - 0.5],
            name=name,
            mode="lines",
            line={"color": TEXT, "dash": dash, "width": 1},
            hovertemplate=f"{name}: %{{x:.1%}}<extra></extra>",
        )
    return figure


def load_bars(table: pd.DataFrame, selected: int) -> go.Figure:
    """Bars of the load of a layer's experts, the selected one in colour. `table`: expert, tokens, load."""
    experts = len(table)
    colours = [ACCENT if expert == selected else IDLE for expert in table["expert"]]
    figure = go.Figure(layout=chart_layout(_HEIGHT, {}, {"tickformat": ".0%", "rangemode": "tozero"}))
    figure.add_bar(
        x=table["expert"],
        y=table["load"],
        marker={"color": colours, "line": {"width": 0}},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        customdata=table[["tokens"]],
        hovertemplate="expert %{x}<br>%{y:.1%} of the layer's assignments<br>%{customdata[0]:,} tokens<extra></extra>",
    )
    figure.add_hline(1 / experts, line={"color": NEUTRAL, "dash": "dot", "width": 1})
    axis = {"type": "linear", "title": {"text": "expert"}, "tick0": 0, "dtick": tick_step(experts)}
    return figure.update_layout(showlegend=False, xaxis=axis)
