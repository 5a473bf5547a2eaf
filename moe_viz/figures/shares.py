"""Where a model's weights sit, and how many of them one token uses."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from moe_viz.figures.template import LEGEND_HEIGHT, LEGEND_ON_TOP, TEMPLATE
from moe_viz.figures.theme import ACCENT, IDLE, TEXT

_ROW, _AROUND = 27, 84  # pixels


def shares(table: pd.DataFrame, labels: Sequence[str]) -> go.Figure:
    """One bar per part of a model, as a share of all weights: first the weights that one token uses.

    `table` has a row for each part: part, weights, always (used by every token), chosen (used by one
    token because a router chose them); `labels` name the rows on the page, the first on top. A part
    without weights has no bar.
    """
    total = int(table["weights"].sum())
    whole = {"part": "all weights", **table[["weights", "always", "chosen"]].sum()}
    rows = pd.concat([pd.DataFrame([whole]), table], ignore_index=True)
    rows["idle"] = rows["weights"] - rows["always"] - rows["chosen"]
    figure = go.Figure(
        layout={
            "template": TEMPLATE,
            "height": _AROUND + _ROW * len(rows),
            "margin": {"t": LEGEND_HEIGHT, "b": 8, "l": 8, "r": 8},
            "barmode": "stack",
            "hovermode": "closest",
            "legend": LEGEND_ON_TOP,
            "xaxis": {"range": [0, 1], "tickformat": ".0%", "nticks": 6, "fixedrange": True},
            "yaxis": {
                "range": [len(rows) - 0.5, -0.5],
                "tickvals": list(range(len(rows))),
                "ticktext": list(labels),
                "showgrid": False,
                "fixedrange": True,
            },
        }
    )
    kinds = (("always", "every token", TEXT), ("chosen", "one token", ACCENT), ("idle", "idle", IDLE))
    for column, name, colour in kinds:
        if rows[column].any():
            figure.add_bar(
                orientation="h",
                name=name,
                y=list(range(len(rows))),
                x=rows[column] / total,
                width=0.66,
                marker={"color": colour, "line": {"width": 0}},
                customdata=rows[["part", column]],
                hovertemplate=f"%{{customdata[0]}}, {name}<br>%{{customdata[1]:,}} weights, %{{x:.3~%}}<extra></extra>",
            )
    return figure
