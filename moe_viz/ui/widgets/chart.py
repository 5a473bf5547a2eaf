"""Every Plotly figure of every page, and its picture: the camera above a figure saves it, in the browser alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from moe_viz.ui.session import state

if TYPE_CHECKING:
    import plotly.graph_objects as go

_FORMATS = ("PNG", "SVG")
_KEY = "picture format"
_FONT = "Arial, Helvetica, sans-serif"
"""A picture cannot carry the page's own font; in another one than it was laid out for, its texts would be cut off."""
_SCALE = 2
"""Pixels of a PNG for each of the page's, so that it can be printed."""
_LONGEST_NAME = 60


def chart(figure: go.Figure, key: str, *, alt: str | None = None, on_select: Callable[[], None] | None = None) -> None:
    """Draw a figure as wide as there is room. `alt` says it in words; `on_select` is called when a point is clicked."""
    picture = {
        "format": (state.PICTURE_FORMAT.get() or _FORMATS[0]).lower(),
        "filename": file_name(key),
        "scale": _SCALE,
    }
    st.plotly_chart(
        figure.update_layout(font_family=_FONT),
        key=key,
        on_select=on_select or "ignore",
        selection_mode="points",
        config={"modeBarButtons": [["toImage"]], "displaylogo": False, "toImageButtonOptions": picture},
        alt=alt,
    )


def file_name(key: str) -> str:
    """The name of a figure's picture, without its ending: of what it is called, what every file system takes."""
    words = re.findall(r"[a-z0-9]+", key.lower())
    return "-".join(["moe_viz", *words])[:_LONGEST_NAME].rstrip("-")


def choose_picture_format() -> None:
    """Draw the choice of what the camera saves."""
    st.segmented_control(
        "Figures are saved as",
        _FORMATS,
        default=_FORMATS[0],
        required=True,
        key=state.PICTURE_FORMAT.key,
        help="The camera at the upper right of a figure saves it as it stands there, in the colours of the page.",
    )
