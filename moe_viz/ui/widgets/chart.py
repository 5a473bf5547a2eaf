"""Every Plotly figure of every page, drawn from the table that it returns, and its picture.

The camera above a figure saves it, in the browser alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from moe_viz.ui.session import state

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from moe_viz.ui.widgets.numbers import Tables

_FORMATS = ("PNG", "SVG")
_FONT = "Arial, Helvetica, sans-serif"
"""A picture cannot carry the page's own font; in another one than it was laid out for, its texts would be cut off."""
_SCALE = 2
"""Pixels of a PNG for each of the page's, so that it can be printed."""
_LONGEST_NAME = 60


def chart(
    figure_of: Callable[..., go.Figure],
    table: pd.DataFrame,
    *,
    name: str,
    key: str,
    alt: str | None = None,
    on_select: Callable[[], None] | None = None,
    **options: Any,
) -> Tables:
    """Draw `figure_of(table, **options)` as wide as there is room.

    Returns the table under its `name`, for `folded_tables` below the figure. `alt` says the
    figure in words; `on_select` is called when a point is clicked.
    """
    _plot(figure_of, table, options, key=key, alt=alt, on_select=on_select)
    return {name: lambda: table}


def _plot(
    figure_of: Callable[..., go.Figure],
    table: pd.DataFrame,
    options: dict[str, Any],
    *,
    key: str,
    alt: str | None,
    on_select: Callable[[], None] | None,
) -> None:
    picture = {
        "format": (state.PICTURE_FORMAT.get() or _FORMATS[0]).lower(),
        "filename": file_name(key),
        "scale": _SCALE,
    }
    st.plotly_chart(
        figure_of(table, **options).update_layout(font_family=_FONT),
        key=key,
        on_select=on_select or "ignore",
        selection_mode="points",
        config={"modeBarButtons": [["toImage"]], "displaylogo": False, "toImageButtonOptions": picture},
        alt=alt,
    )


def file_name(key: str) -> str:
    """The name of a figure's picture, without its ending: the figure's name, made safe for every file system."""
    words = re.findall(r"[a-z0-9]+", key.lower())
    return "-".join(["moe_viz", *words])[:_LONGEST_NAME].rstrip("-")


def choose_picture_format() -> None:
    """Draw the choice of the format that the camera saves."""
    st.segmented_control(
        "Figures are saved as",
        _FORMATS,
        default=_FORMATS[0],
        required=True,
        key=state.PICTURE_FORMAT.key,
        help="The camera at the upper right of a figure saves the figure as shown, in the colours of the page.",
    )
