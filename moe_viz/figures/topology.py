"""A model's layers and their experts, drawn: one row per router, or per layer without one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from moe_viz.figures.heatmap import tick_step
from moe_viz.figures.template import LEGEND_HEIGHT, LEGEND_ON_TOP, TEMPLATE
from moe_viz.figures.theme import ACCENT, IDLE, NEUTRAL, TEXT, TRANSPARENT

_MIN_ROW, _MAX_ROW, _AIM, _AROUND = 5, 28, 400, 104  # pixels
_MOST_TICKS = 16
_MOST_EXPERT_TICKS = 8
_MOST_GAPS = 130
"""With more experts in a row than this, there is no room for gaps between them."""


def topology(table: pd.DataFrame) -> go.Figure:
    """Every layer of a model, the first on top: its experts as cells, or one line where there is no router.

    `table` is a `topology_table`. For each router, the number of filled cells is its number of experts
    token. Left of the experts: those shared by every token. Hatched: choices that compute nothing.
    """
    rows = table.assign(y=_positions(table["stack"]))
    routed = rows[rows["routed"]]
    experts = max(1, int(table["experts"].max()))
    unit = max(1.0, experts / 28)  # the width of a shared expert
    shared = int(table["shared_experts"].max())
    left = -0.5 - (unit * (shared + 0.6) if shared else 0)
    count = int(rows["y"].max()) + 1
    figure = go.Figure(
        layout={
            "template": TEMPLATE,
            "height": _AROUND + count * round(np.clip(_AIM / count, _MIN_ROW, _MAX_ROW)),
            "margin": {"t": LEGEND_HEIGHT, "b": 8, "l": 8, "r": 8},
            "hovermode": "closest",
            "hoverdistance": -1,
            "barmode": "overlay",
            "legend": LEGEND_ON_TOP,
            "xaxis": {
                "title": {"text": "expert" if len(routed) else ""},
                "range": [left, experts - 0.5],
                "tickvals": list(range(0, experts, tick_step(experts, _MOST_EXPERT_TICKS))),
                "showgrid": False,
                "showticklabels": bool(len(routed)),
                "fixedrange": True,
            },
            "yaxis": {"range": [count - 0.5, -0.5], "showgrid": False, "fixedrange": True, **_ticks(rows)},
        }
    )
    if len(routed):
        _cells(figure, routed, experts, count)
    _every_token(figure, rows, experts, unit)
    _nothing(figure, routed)
    _groups(figure, routed)
    _hover(figure, rows, (left + experts) / 2)
    if table["stack"].nunique() > 1:
        for stack, of_stack in rows.groupby("stack", sort=False):
            figure.add_annotation(
                x=left, y=of_stack["y"].min() - 1, text=f"<b>{stack}</b>", showarrow=False, xanchor="left"
            )
    return figure


def _positions(stacks: pd.Series) -> list[int]:
    """Rows from top to bottom, with one more above each stack for its name where there are several."""
    if stacks.nunique() == 1:
        return list(range(len(stacks)))
    return (np.arange(len(stacks)) + (stacks != stacks.shift()).cumsum()).tolist()


def _ticks(rows: pd.DataFrame) -> dict[str, list[str] | list[int]]:
    """Labels for as many rows as there is room for, each the first row of its layer."""
    firsts = rows[~rows.duplicated(["stack", "layer"])]
    step = tick_step(len(firsts), _MOST_TICKS)
    shown = firsts[firsts["layer"] % step == 0]
    return {"tickvals": shown["y"].tolist(), "ticktext": [f"L{layer}" for layer in shown["layer"]]}


def _cells(figure: go.Figure, routed: pd.DataFrame, experts: int, count: int) -> None:
    """One cell per expert: filled for as many as one token uses, and idle for the others."""
    z = np.full((count, experts), np.nan, dtype=np.float32)
    for row in routed.to_dict("records"):
        z[row["y"], : row["experts"] - row["zero_experts"]] = 0
        z[row["y"], : row["top_k"]] = 1
    figure.add_heatmap(
        z=z,
        zmin=0,
        zmax=1,
        colorscale=[(0, IDLE), (0.5, IDLE), (0.5, ACCENT), (1, ACCENT)],
        showscale=False,
        xgap=1 if experts <= _MOST_GAPS else 0,
        ygap=1,
        hoverinfo="skip",
    )
    _legend(figure, "experts: as many as one token uses", ACCENT)
    _legend(figure, "experts: all others", IDLE)


def _every_token(figure: go.Figure, rows: pd.DataFrame, experts: int, unit: float) -> None:
    """A line for a layer without a router, a block for each shared expert."""
    dense = rows[~rows["routed"]]
    shared = [
        (row["y"], -0.5 - unit * (place + 1.44))
        for row in rows.to_dict("records")
        for place in range(row["shared_experts"])
    ]
    for y, base, length, width in (
        (dense["y"].tolist(), -0.5, experts, 0.3),
        ([y for y, _ in shared], [base for _, base in shared], 0.88 * unit, 0.86),
    ):
        if y:
            figure.add_bar(
                orientation="h",
                y=y,
                x=[length] * len(y),
                base=base,
                width=width,
                marker={"color": TEXT, "line": {"width": 0}},
                hoverinfo="skip",
                showlegend=False,
            )
    if len(dense):
        _legend(figure, "line: a layer without a router", TEXT, "line-ew")
    if shared:
        _legend(figure, "left: shared, used by every token", TEXT)


def _nothing(figure: go.Figure, routed: pd.DataFrame) -> None:
    zero = routed[routed["zero_experts"] > 0]
    if len(zero):
        figure.add_bar(
            orientation="h",
            name="choices that compute nothing",
            y=zero["y"],
            x=zero["zero_experts"],
            base=zero["experts"] - zero["zero_experts"] - 0.5,
            width=0.86,
            marker={
                "color": TRANSPARENT,
                "pattern": {"shape": "/", "fgcolor": NEUTRAL, "size": 5},
                "line": {"color": NEUTRAL, "width": 1},
            },
            hoverinfo="skip",
        )


def _groups(figure: go.Figure, routed: pd.DataFrame) -> None:
    """Vertical lines between the groups of experts."""
    x: list[float | None] = []
    y: list[float | None] = []
    for row in routed[routed["groups"] > 1].to_dict("records"):
        for group in range(1, row["groups"]):
            at = group * row["experts"] / row["groups"] - 0.5
            x += [at, at, None]
            y += [row["y"] - 0.5, row["y"] + 0.5, None]
    if x:
        figure.add_scatter(
            x=x, y=y, mode="lines", name="borders of groups", line={"color": TEXT, "width": 1.5}, hoverinfo="skip"
        )


def _hover(figure: go.Figure, rows: pd.DataFrame, x: float) -> None:
    """One invisible point per row, the nearest to any place in it, which carries the hover text."""
    figure.add_scatter(
        x=[x] * len(rows),
        y=rows["y"],
        mode="markers",
        marker={"opacity": 0, "size": 1},
        customdata=rows[["layer", "part", "words", "rule"]],
        hovertemplate="layer %{customdata[0]} %{customdata[1]}<br>%{customdata[2]}<br>%{customdata[3]}<extra></extra>",
        showlegend=False,
    )


def _legend(figure: go.Figure, name: str, colour: str, symbol: str = "square") -> None:
    marker = {"color": colour, "symbol": symbol, "size": 12, "line": {"color": colour, "width": 3 * ("line" in symbol)}}
    figure.add_scatter(x=[None], y=[None], mode="markers", name=name, marker=marker, hoverinfo="skip")
