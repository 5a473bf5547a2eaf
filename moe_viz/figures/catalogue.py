"""Well-known models by size: all their weights against the weights that one token uses."""

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
_ROOMS = ((280, 400), (1040, 400))
"""Pixels across and up that the labels are placed for: a phone's and a wide page's."""
_LETTER, _LINE, _AWAY, _RADIUS = 7, 15, 9, 6  # pixels
_PLACES = {  # of a label, its lower left corner: in widths, in heights, and in distances from the point
    "middle right": (0, -0.5, 1, 0),
    "middle left": (-1, -0.5, -1, 0),
    "top center": (-0.5, 0, 0, 1),
    "bottom center": (-0.5, -1, 0, -1),
    "top left": (-1, 0, 0, 1),
    "bottom right": (0, -1, 0, -1),
}


def total_against_active(table: pd.DataFrame, marked: Collection[str]) -> go.Figure:
    """One point per model: total weights (across) and weights that one token uses (up), both logarithmic.

    `table` has a row for each model: name, organisation, released, total, active (weights) and
    routed (whether it has routers). Points whose name is in `marked` are larger and are labelled
    first; the others, the largest first, where there is room. Along a slanted line a token uses the same share.
    """
    table = table.assign(marked=table["name"].isin(marked)).sort_values(["marked", "total"], ascending=False)
    x, y = (np.log10(table[column].to_numpy(dtype=float)) for column in ("total", "active"))
    ranges = [(float(values.min()) - 0.4, float(values.max()) + 0.4) for values in (x, y)]
    places = _label_places(x, y, table["name"].tolist(), ranges)
    table, places = table.iloc[::-1], places[::-1]  # what is drawn last lies on top
    figure = go.Figure(
        layout={
            "template": TEMPLATE,
            "height": _HEIGHT,
            "margin": {"t": 8, "b": 8, "l": 8, "r": 8},
            "hovermode": "closest",
            "showlegend": False,
            "xaxis": {"title": {"text": "total weights"}, **_axis(*ranges[0])},
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
    """Where each point's label covers no other label or point in any room; None where it would."""
    low, high = np.array(ranges).T
    shares = (np.stack([x, y], axis=-1) - low) / (high - low)
    taken = [[_box(point, 2 * _RADIUS, 2 * _RADIUS, (-0.5, -0.5, 0, 0)) for point in shares * room] for room in _ROOMS]
    places: list[str | None] = []
    for share, name in zip(shares, names, strict=True):
        boxes = {
            place: [_box(share * room, _LETTER * len(name), _LINE, offsets) for room in _ROOMS]
            for place, offsets in _PLACES.items()
        }
        free = [place for place, in_rooms in boxes.items() if all(map(_is_free, in_rooms, _ROOMS, taken))]
        places.append(free[0] if free else None)
        for place in free[:1]:
            for box, others in zip(boxes[place], taken, strict=True):
                others.append(box)
    return places


_Box = tuple[float, float, float, float]
"""Left, low, right, high."""


def _box(point: np.ndarray, width: float, height: float, offsets: tuple[float, float, float, float]) -> _Box:
    across, up, right, above = offsets
    left, low = point[0] + across * width + right * _AWAY, point[1] + up * height + above * _AWAY
    return left, low, left + width, low + height


def _is_free(box: _Box, room: tuple[int, int], taken: list[_Box]) -> bool:
    inside = box[0] >= 0 and box[1] >= 0 and box[2] <= room[0] and box[3] <= room[1]
    return inside and not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken)
