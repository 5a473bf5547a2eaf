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
    drawn = list(ribbons)
    if not drawn:
        return
    start, end, first, last, width = np.array([[r.start, r.end, *r.middle, r.width] for r in drawn]).T[..., None]
    way = np.linspace(0, 1, _POINTS)
    forth = start + (end - start) * way
    middle = first + (last - first) * (way**2 * (3 - 2 * way))
    gap = np.full((len(drawn), 1), np.nan)
    along = np.concatenate([forth, forth[:, ::-1], gap], axis=1).ravel()
    across = np.concatenate([middle - width / 2, (middle + width / 2)[:, ::-1], gap], axis=1).ravel()
    figure.add_scatter(
        x=across if upright else along,
        y=along if upright else across,
        name=name,
        mode="lines",
        line={"color": colour, "width": 0},
        fill="toself",
        fillcolor=colour,
        hoverinfo="skip",
        **options,
    )
