"""Invisible points over the cells of a heatmap: they carry the hover text, and can be selected, as cells cannot."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from numpy.typing import NDArray

_MOST_SHAPES = 2048
"""Up to this many are shapes of the page; more are drawn by WebGL at once, but WebGL takes longer to start."""
_HIDDEN = {"marker": {"opacity": 0}}


def targets(row: NDArray[Any], column: NDArray[Any], **options: Any) -> go.Scatter | go.Scattergl:
    """One point on each cell, row by column; `options` are Plotly's."""
    kind = go.Scatter if len(row) <= _MOST_SHAPES else go.Scattergl
    return kind(
        x=column.astype("int16"),
        y=row.astype("int16"),
        mode="markers",
        marker={"opacity": 0, "size": 8},
        # Streamlit fades what was not clicked; these have nothing to fade.
        selected=_HIDDEN,
        unselected=_HIDDEN,
        showlegend=False,
        **options,
    )
