"""The Plotly template that all figures share.

Streamlit replaces a template's text and page colours by its own theme's, light or dark; the
ones given here serve where nothing replaces them, and can be read on either.
"""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from moe_viz.figures.theme import DIVERGING, GRID, PALETTE, SEQUENTIAL, TEXT, TRANSPARENT

TEMPLATE = go.layout.Template(
    layout={
        "paper_bgcolor": TRANSPARENT,
        "plot_bgcolor": TRANSPARENT,
        "font": {"color": TEXT, "size": 13},
        "colorway": list(PALETTE),
        "colorscale": {"sequential": SEQUENTIAL, "diverging": DIVERGING},
        "xaxis": {"gridcolor": GRID, "linecolor": GRID, "zeroline": False, "automargin": True},
        "yaxis": {"gridcolor": GRID, "linecolor": GRID, "zeroline": False, "automargin": True},
        "hoverlabel": {"align": "left"},
    }
)

LEGEND_HEIGHT = 48
"""Pixels that a legend in the top margin may take: Plotly does not always make room for it by itself."""
LEGEND_ON_TOP = {
    "orientation": "h",
    "yref": "container",
    "y": 1,
    "yanchor": "top",
    "x": 0,
    "itemclick": False,
    "traceorder": "normal",
}


def chart_layout(height: int, xaxis: dict[str, Any], yaxis: dict[str, Any]) -> go.Layout:
    """What charts of lines and bars share: the legend above, categories below, no zoom. `height` in pixels."""
    return go.Layout(
        template=TEMPLATE,
        height=height,
        margin={"t": 8, "b": 8, "l": 8, "r": 8},
        hovermode="closest",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={"type": "category", "showgrid": False, "fixedrange": True, **xaxis},
        yaxis={"fixedrange": True, **yaxis},
    )
