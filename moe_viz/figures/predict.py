"""The figures that answer a question. Names in them are letters and numbers: a person's words stay in the text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from moe_viz.figures.heatmap import tick_step
from moe_viz.figures.lessons import expert_bars, weights_by_rule
from moe_viz.figures.template import TEMPLATE
from moe_viz.figures.theme import ACCENT, MISSING

_ROW, _AROUND = 46, 84  # pixels
_MOST_NUMBERS = 24
"""With more columns than this, there is no room for a number on each."""


def bars(
    table: pd.DataFrame,
    names: str,
    value: str,
    marked: int,
    x_title: str,
    tick_format: str,
    *,
    line: float | None = None,
) -> go.Figure:
    """One bar for each row of `table`, named by `names`, as tall as `value`; the one at the place `marked` stands out.

    `line`: a height to draw across.
    """
    places = table.assign(place=range(len(table)))
    height = None if line is None else (line, "")
    figure = expert_bars(places, "place", value, [marked], x_title, tick_format, line=height)
    step = tick_step(len(table))
    return figure.update_xaxes(
        tickvals=list(range(0, len(table), step)), ticktext=[f"{one}" for one in table[names].iloc[::step]]
    )


def gating_weights(table: pd.DataFrame, rows: Sequence[str], x_title: str) -> go.Figure:
    """Gating weights: `table` has a row for each expert, and a column for each of `rows`; a cell of 0 is empty."""
    figure = weights_by_rule(table, rows, x_title)
    experts = figure.data[0].x
    step = tick_step(len(experts))
    ticks = {"tickvals": list(range(0, len(experts), step)), "ticktext": [f"{expert}" for expert in experts[::step]]}
    numbers = {"textfont": {"size": 15}} if _few(experts) else {"texttemplate": None}
    return figure.update_xaxes(ticks).update_traces(hovertemplate="%{y}: %{z:.3f}<extra></extra>", **numbers)


def first_choices(table: pd.DataFrame, rows: tuple[str, str], x_title: str) -> go.Figure:
    """The experts of two places as numbers, where none is below 0; a column is filled where they are the same.

    `table` has a row for each layer: layer, first, second; `rows` names the two places.
    """
    layers = table["layer"].tolist()
    ids = table[["first", "second"]].to_numpy().T
    same = np.broadcast_to((ids[0] == ids[1]) & (ids[0] >= 0), ids.shape).astype(np.float32)
    step = tick_step(len(layers))
    figure = go.Figure(
        go.Heatmap(
            z=same,
            colorscale=[(0, MISSING), (1, ACCENT)],
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=3,
            text=np.where(ids < 0, "–", ids.astype(str)),
            texttemplate="%{text}" if _few(layers) else None,
            textfont={"size": 16},
            hovertemplate="%{text}<extra></extra>",
        )
    )
    return figure.update_layout(
        template=TEMPLATE,
        height=_AROUND + 2 * _ROW,
        margin={"t": 8, "b": 8, "l": 8, "r": 8},
        xaxis={
            "title": {"text": x_title},
            "tickvals": list(range(0, len(layers), step)),
            "ticktext": list(layers[::step]),
            "showgrid": False,
            "fixedrange": True,
        },
        yaxis={"range": [1.5, -0.5], "tickvals": [0, 1], "ticktext": list(rows), "showgrid": False, "fixedrange": True},
    )


def _few(columns: Sequence[object]) -> bool:
    return len(columns) <= _MOST_NUMBERS
