"""Ribbons: curved bands from one place to another, as wide as they are strong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

_POINTS = 17
"""On each edge of a ribbon."""


class Ribbon(NamedTuple):
    """From one end to the other: where along the way, its middle there, and its width."""

    start: float
    end: float
    middle: tuple[float, float]
    width: float


def add_ribbons(
    figure: go.Figure, ribbons: Iterable[Ribbon], *, colour: str, name: str, upright: bool = False, **options: Any
) -> None:
    """Draw ribbons of one kind, from left to right, or `upright` from top to bottom."""
    along: list[float | None] = []
    across: list[float | None] = []
    way = np.linspace(0, 1, _POINTS)
    bend = way**2 * (3 - 2 * way)
    for ribbon in ribbons:
        first, last = ribbon.middle
        forth = ribbon.start + (ribbon.end - ribbon.start) * way
        middle = first + (last - first) * bend
        along += [*forth, *forth[::-1], None]
        across += [*(middle - ribbon.width / 2), *(middle + ribbon.width / 2)[::-1], None]
    if not along:
        return
    x, y = (across, along) if upright else (along, across)
    figure.add_scatter(
        x=x,
        y=y,
        name=name,
        mode="lines",
        line={"color": colour, "width": 0},
        fill="toself",
        fillcolor=colour,
        hoverinfo="skip",
        **options,
    )
