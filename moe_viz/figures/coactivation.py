"""Experts × experts of one router: how often the same tokens take both."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from moe_viz.figures.heatmap import tick_step
from moe_viz.figures.targets import targets
from moe_viz.figures.template import TEMPLATE
from moe_viz.figures.theme import ACCENT, DIVERGING, MISSING, SEQUENTIAL

_MIN, _MAX, _CELL, _AROUND = 260, 560, 24, 84  # pixels
_MOST_GAPS = 64
_MOST_NAMED = 64
"""Experts that are named on the axes, whatever their order."""
_MOST_TICKS = 16
_MOST_OF_MANY = 0.998
"""If there are many pairs, a few far stronger ones would make all others dark: the scale ends at this quantile."""
_END = 3.0
"""Against chance, the scale ends at 2^3 and 2^-3 at most."""


def coactivation_heatmap(
    table: pd.DataFrame, order: NDArray[np.integer], value: Literal["share", "lift"], selected: int | None = None
) -> go.Figure:
    """One cell per pair: the row's expert, and the other expert that its tokens also took.

    `table` is a `coactivation_table`; `order [expert]` is the order of both axes. "share" is of the row's tokens;
    "lift" is times chance, on a scale of doublings, grey where too few are expected. The rows and columns of
    `selected` are framed. A click selects a point whose customdata begins with the row's expert and the column's.
    """
    experts = len(order)
    place = np.empty(experts, dtype=np.int64)
    place[order] = np.arange(experts)
    row, column = place[table["expert"]], place[table["other"]]
    z = np.full((experts, experts), np.nan, dtype=np.float32)
    z[row, column] = table["share"] if value == "share" else _doublings(table["lift"])
    gap = 1 if experts <= _MOST_GAPS else 0
    known = table["lift"].notna().to_numpy()
    figure = go.Figure(
        data=[
            go.Heatmap(z=z, hoverinfo="skip", xgap=gap, ygap=gap, **_scale(z, value)),
            *(
                _targets(table[of], row[of], column[of], compared=compared)
                for of, compared in ((known, True), (~known, False))
                if of.any()
            ),
        ],
        layout={
            "template": TEMPLATE,
            "plot_bgcolor": MISSING,
            "height": _AROUND + int(np.clip(_CELL * experts, _MIN, _MAX)),
            "margin": {"t": 32, "b": 8, "l": 8, "r": 8, "pad": 0},
            "hovermode": "closest",
            "hoverdistance": -1,
            "showlegend": False,
            "xaxis": {"title": {"text": "also took this expert"}, "range": [-0.5, experts - 0.5], **_axis(order)},
            "yaxis": {"title": {"text": "of the tokens of expert"}, "range": [experts - 0.5, -0.5], **_axis(order)},
        },
    )
    if selected is not None:
        at, line = int(place[selected]), {"color": ACCENT, "width": 2 if gap else 1}
        figure.add_shape(type="rect", x0=-0.5, x1=experts - 0.5, y0=at - 0.5, y1=at + 0.5, line=line)
        figure.add_shape(type="rect", x0=at - 0.5, x1=at + 0.5, y0=-0.5, y1=experts - 0.5, line=line)
    return figure


def _doublings(lift: pd.Series) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):  # a pair that never was: it is beyond the end of any scale
        return np.log2(lift.to_numpy())


def _scale(z: NDArray[np.float32], value: str) -> dict[str, Any]:
    bar = {"thickness": 12, "outlinewidth": 0}
    if value == "share":
        largest = float(np.nanmax(z, initial=0)) or 1.0
        end = largest if len(z) <= _MOST_NAMED else float(np.nanquantile(z, _MOST_OF_MANY)) or largest
        said = " (beyond the end alike)" if end < largest else ""
        title = {"text": f"share of the row’s tokens{said}", "side": "right"}
        return {
            "colorscale": SEQUENTIAL,
            "zmin": 0.0,
            "zmax": end,
            "colorbar": bar | {"title": title, "tickformat": ".2~p"},
        }
    known = np.abs(z[np.isfinite(z)])
    end = min(_END, max(1.0, float(np.ceil(known.max(initial=1.0)))))
    clipped = bool((np.abs(z[~np.isnan(z)]) > end).any())
    ticks = np.arange(-end, end + 1)
    return {
        "colorscale": DIVERGING,
        "zmin": -end,
        "zmax": end,
        "colorbar": bar
        | {
            "title": {"text": "times chance" + (" (beyond the end alike)" if clipped else ""), "side": "right"},
            "tickvals": ticks,
            "ticktext": [f"{2**tick:g} ×" if tick >= 0 else f"1/{2**-tick:g} ×" for tick in ticks],
        },
    }


def _targets(
    rows: pd.DataFrame, row: NDArray[np.int64], column: NDArray[np.int64], *, compared: bool
) -> go.Scatter | go.Scattergl:
    """One invisible point on each pair, which carries the hover text."""
    chance = "%{customdata[4]:.2~f} × chance" if compared else "too few to compare with chance"
    return targets(
        row,
        column,
        customdata=rows[["expert", "other", "share", "tokens", "lift"]].to_numpy(dtype=np.float32),
        hovertemplate=(
            "expert %{customdata[0]} with expert %{customdata[1]}<br>"
            "%{customdata[2]:.1%} of its tokens, %{customdata[3]:,}<br>" + chance + "<extra></extra>"
        ),
    )


def _axis(order: NDArray[np.integer]) -> dict[str, Any]:
    experts = len(order)
    step = tick_step(experts, _MOST_TICKS)
    named = experts <= _MOST_NAMED or bool((np.diff(order) == 1).all())
    return {
        "tickvals": list(range(0, experts, step)),
        "ticktext": [str(expert) for expert in order[::step]],
        "showticklabels": named,
        "showgrid": False,
        "fixedrange": True,
    }
