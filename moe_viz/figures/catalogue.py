"""Well-known models by size: all their weights against those that one token uses."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from moe_viz.figures.template import TEMPLATE
from moe_viz.figures.theme import ACCENT, GRID, NEUTRAL, SECOND, TEXT

_HEIGHT = 480  # pixels
_SHARES = ((1.0, "a token uses all"), (0.1, "a tenth"), (0.01, "a hundredth"))
_ROOM = (520, 400)
"""Pixels across and up that the labels are placed for; with more, they only stand further apart."""
_LETTER, _LINE, _AWAY = 7, 15, 9  # pixels
_PLACES = {  # of a label: the corner nearest to zero of its box, in widths, heights and distances from the point
    "middle right": (0, -0.5, 1, 0),
    "middle left": (-1, -0.5, -1, 0),
    "top center": (-0.5, 0, 0, 1),
    "bottom center": (-0.5, -1, 0, -1),
}


def total_against_active(table: pd.DataFrame, marked: Collection[str]) -> go.Figure:
    """One point a model: weights in all (across) and weights that one token uses (up), both logarithmic.

    `table` has a row for each model: name, organisation, released, total, active (weights) and
    routed (whether it has routers). Points whose name is in `marked` are larger and are labelled
    first; the others where there is room. Along a slanted line a token uses the same share.
    """
    table = table.assign(marked=table["name"].isin(marked)).sort_values("marked", ascending=False, kind="stable")
    x, y = (np.log10(table[column].to_numpy(dtype=float)) for column in ("total", "active"))
    ranges = [(float(values.min()) - 0.4, float(values.max()) + 0.4) for values in (x, y)]
    places = _label_places(x, y, table["name"].tolist(), ranges)
    figure = go.Figure(
        layout={
            "template": TEMPLATE,
            "height": _HEIGHT,
            "margin": {"t": 8, "b": 8, "l": 8, "r": 8},
            "hovermode": "closest",
            "showlegend": False,
            "xaxis": {"title": {"text": "weights in all"}, **_axis(*ranges[0])},
            "yaxis": {"title": {"text": "weights that one token uses"}, **_axis(*ranges[1])},
        }
    )
    for share, name in _SHARES:
        _line(figure, share, name, ranges)
    figure.add_scatter(
        x=table["total"],
        y=table["active"],
        mode="markers+text",
        text=[name if place else "" for name, place in zip(table["name"], places, strict=True)],
        textposition=[place or "middle right" for place in places],
        textfont={"size": 12},
        marker={
            "size": np.where(table["marked"], 15, 9).tolist(),
            "symbol": np.where(table["routed"], "circle", "square").tolist(),
            "color": [_colour(*row) for row in zip(table["marked"], table["routed"], strict=True)],
            "line": {"color": NEUTRAL, "width": 1},
            "opacity": 1,
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        customdata=table[["name", "organisation", "released"]].assign(share=table["active"] / table["total"]),
        hovertemplate=(
            "<b>%{customdata[0]}</b><br>%{customdata[1]}, %{customdata[2]}<br>"
            "%{x:,} weights<br>one token uses %{y:,}, %{customdata[3]:.1%}<extra></extra>"
        ),
    )
    return figure


def _colour(marked: bool, routed: bool) -> str:
    return SECOND if marked else ACCENT if routed else TEXT


def _axis(low: float, high: float) -> dict[str, Any]:
    """A logarithmic axis from 10^low to 10^high with a tick at each power of ten."""
    powers = range(math.ceil(low), math.floor(high) + 1)
    units = {6: "M", 9: "B", 12: "T"}
    names = [f"{10 ** (power % 3)} {units.get(power - power % 3, f'× 10^{power - power % 3}')}" for power in powers]
    ticks = {"tickvals": [10.0**power for power in powers], "ticktext": names}
    return {"type": "log", "range": [low, high], "fixedrange": True, **ticks}


def _line(figure: go.Figure, share: float, name: str, ranges: list[tuple[float, float]]) -> None:
    """Where a token uses this share of the weights; named at its lower end."""
    (left, right), (bottom, top) = ranges
    slope = math.log10(share)
    start, end = max(left, bottom - slope), min(right, top - slope)
    if start >= end:
        return
    line = {"color": GRID if share < 1 else TEXT, "width": 1.5, "dash": "dot" if share < 1 else "solid"}
    figure.add_scatter(
        x=[10**start, 10**end],
        y=[10 ** (start + slope), 10 ** (end + slope)],
        mode="lines",
        line=line,
        hoverinfo="skip",
    )
    figure.add_annotation(
        x=start + 0.05 * (right - left),
        y=start + slope,
        text=name,
        showarrow=False,
        xanchor="left",
        yanchor="bottom",
        font={"color": TEXT},
    )


def _label_places(
    x: np.ndarray, y: np.ndarray, names: list[str], ranges: list[tuple[float, float]]
) -> list[str | None]:
    """Where each point's label goes without covering another label or point; None where it finds no room."""
    points = np.stack(
        [(values - low) / (high - low) * room for values, (low, high), room in zip((x, y), ranges, _ROOM, strict=True)],
        axis=-1,
    )
    taken = [(px - 6, py - 6, px + 6, py + 6) for px, py in points]
    places: list[str | None] = []
    for (px, py), name in zip(points, names, strict=True):
        width = _LETTER * len(name)
        boxes = {}
        for place, (across, up, right, above) in _PLACES.items():
            left, low = px + across * width + right * _AWAY, py + up * _LINE + above * _AWAY
            boxes[place] = (left, low, left + width, low + _LINE)
        free = [place for place, box in boxes.items() if _fits(box) and not any(_meet(box, other) for other in taken)]
        places.append(free[0] if free else None)
        taken += [boxes[place] for place in free[:1]]
    return places


def _fits(box: tuple[float, ...]) -> bool:
    return box[0] >= 0 and box[1] >= 0 and box[2] <= _ROOM[0] and box[3] <= _ROOM[1]


def _meet(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
