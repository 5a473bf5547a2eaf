"""Where the tokens of some experts come from and go to: the routers before and after them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from moe_viz.figures.ribbons import Ribbon, add_ribbons
from moe_viz.figures.template import TEMPLATE
from moe_viz.figures.theme import ACCENT, IDLE, NEUTRAL, PAPER, SECOND, TEXT

_ROW, _THICK, _REST, _BLOCK, _SPACE = 36, 28, 12, 36, 16  # pixels
_TOP, _HEAD = 56, 26  # pixels
_SIDE = 1.05
"""Room for the texts beside the outer experts, as a share of the distance from one router to the next."""
_HALF = 0.09
"""Half the width of the chosen experts' blocks, of the way from one router to the next."""
_NOBODY = -1
_ENDS = {"before": 0.0, "after": 2.0}


def neighbours(
    table: pd.DataFrame, strengths: Mapping[str, pd.DataFrame], names: Mapping[str, str], *, lift: float
) -> go.Figure:
    """Ribbons from the experts of the router before into the chosen ones, and on to those of the router after.

    `table` is of `links`, `strengths` a `by_strength` a direction, which says who is named; `names` are
    of the routers "before", "here" and "after". A ribbon is as wide as its share of the chosen experts'
    tokens, and in colour where that is `lift` times chance or more, or its inverse or less. The
    experts that are not named are one ribbon, not to scale. A click on an expert selects a point
    whose customdata is its direction's sign (-1: before) and number.
    """
    bands = _bands(table, strengths, lift)
    blocks = bands.groupby(["expert", "direction"])["width"].sum().groupby("expert").max().clip(lower=_BLOCK)
    blocks = blocks.reindex(table["expert"].unique())
    rows = bands.groupby("direction")["row"].max() + 1
    middle = int(blocks.sum()) + _SPACE * (len(blocks) - 1)
    depth = max(int(rows.max()) * _ROW, middle, 2 * _ROW)
    starts = (depth - middle) / 2 + blocks.cumsum() - blocks + _SPACE * np.arange(len(blocks))
    centres = _HEAD + starts + blocks / 2
    outer = _HEAD + (depth - bands["direction"].map(rows) * _ROW) / 2 + (bands["row"] + 0.5) * _ROW
    bands = bands.assign(
        inner=bands["expert"].map(centres) + _beside(bands, ["direction", "expert"]),
        row_y=outer,
        outer=outer + _beside(bands, ["direction", "row"]),
    )
    figure = go.Figure(layout=_layout(_HEAD + depth))
    looks = (
        ("more", ACCENT, f"{lift:g} × chance or more"),
        ("about", NEUTRAL, "about chance"),
        ("less", SECOND, f"1/{lift:g} × or less"),
        ("rest", IDLE, "others, not to scale"),
    )
    for kind, colour, name in looks:
        add_ribbons(
            figure,
            [_ribbon(band) for band in bands[bands["kind"] == kind].to_dict("records")],
            colour=colour,
            name=name,
            opacity=0.65,
        )
    _chosen(figure, centres, blocks)
    for direction, strength in strengths.items():
        _experts(figure, bands[bands["direction"] == direction], strength, direction)
    for place, x in (*_ENDS.items(), ("here", 1.0)):
        if place in names:
            figure.add_annotation(x=x, y=8, text=names[place], showarrow=False, font={"color": TEXT})
    return figure


def _bands(table: pd.DataFrame, strengths: Mapping[str, pd.DataFrame], lift: float) -> pd.DataFrame:
    """One row per ribbon: direction, expert, row (from the top, of its outer end), width (pixels), kind."""
    most = max(float(s["share"].where(s["named"]).max(skipna=True)) for s in strengths.values())
    scale = _THICK / most if most > 0 else 0.0
    parts = []
    for direction, strength in strengths.items():
        own = table[table["direction"] == direction]
        named = strength[strength["named"]]
        row = own["other"].map(pd.Series(np.arange(len(named)), index=named["other"]))
        of = own.assign(row=row)[row.notna()]
        taken = own.drop_duplicates("expert")["taken"].sum()
        kinds = np.select([of["lift"] >= lift, of["lift"] <= 1 / lift], ["more", "less"], "about")
        columns = ["direction", "expert", "row"]
        parts.append(of[columns].assign(width=scale * of["tokens"] / max(taken, 1), kind=kinds))
        if not strength["named"].all():
            rest = own.drop_duplicates("expert")[["direction", "expert"]]
            parts.append(rest.assign(row=float(len(named)), width=_REST / len(rest), kind="rest"))
    return pd.concat(parts).sort_values(["direction", "row"], kind="stable", ignore_index=True)


def _beside(bands: pd.DataFrame, end: list[str]) -> pd.Series:
    """How far each ribbon lies from the middle of its end, when all that end there lie beside each other."""
    widths = bands.groupby(end)["width"]
    return widths.cumsum() - bands["width"] / 2 - widths.transform("sum") / 2


def _ribbon(band: Mapping[Hashable, Any]) -> Ribbon:
    if band["direction"] == "before":
        return Ribbon(0.0, 1 - _HALF, (band["outer"], band["inner"]), band["width"])
    return Ribbon(1 + _HALF, 2.0, (band["inner"], band["outer"]), band["width"])


def _chosen(figure: go.Figure, centres: pd.Series, blocks: pd.Series) -> None:
    for expert, centre, block in zip(centres.index, centres, blocks, strict=True):
        half = block / 2
        figure.add_shape(
            type="rect",
            x0=1 - _HALF,
            x1=1 + _HALF,
            y0=centre - half,
            y1=centre + half,
            line={"width": 0},
            fillcolor=ACCENT,
        )
        figure.add_annotation(
            x=1, y=centre, text=f"<b>{expert}</b>", showarrow=False, font={"color": PAPER, "size": 16}
        )


def _experts(figure: go.Figure, bands: pd.DataFrame, strength: pd.DataFrame, direction: str) -> None:
    """The named experts of one side, with what they share, as points to be clicked; then the others, in sum."""
    named, rest = strength[strength["named"]], strength[~strength["named"]]
    y = bands.drop_duplicates("row").set_index("row")["row_y"].reindex(range(len(named) + bool(len(rest))))
    x, sign = _ENDS[direction], -1 if direction == "before" else 1
    away = {"xanchor": "right" if sign < 0 else "left", "xshift": 8 * sign, "showarrow": False}
    for row, (other, share, lift) in enumerate(zip(named["other"], named["share"], named["lift"], strict=True)):
        against = "" if np.isnan(lift) else f"  {lift:.1f} ×"
        figure.add_annotation(x=x, y=y[row], text=f"<b>{other}</b>  {share:.0%}{against}", **away)
    if len(rest):
        text = f"{len(rest)} others: {rest['share'].sum():.1f}"
        figure.add_annotation(x=x, y=y[len(named)], text=text, font={"color": TEXT}, **away)
    seen = {"marker": {"opacity": 1}}
    figure.add_scatter(
        x=[x] * len(named),
        y=y.iloc[: len(named)],
        customdata=[[sign, *row] for row in named[["other", "tokens", "share"]].itertuples(index=False)],
        mode="markers",
        marker={"symbol": "square", "size": 10, "color": TEXT},
        selected=seen,
        unselected=seen,
        hovertemplate="expert %{customdata[1]}<br>%{customdata[2]:,} tokens took both, %{customdata[3]:.1%}"
        "<extra></extra>",
        showlegend=False,
    )


def _layout(depth: int) -> go.Layout:
    bare = {"visible": False, "fixedrange": True}
    return go.Layout(
        template=TEMPLATE,
        height=_TOP + depth + 8,
        margin={"t": _TOP, "b": 8, "l": 4, "r": 4, "autoexpand": False},
        hovermode="closest",
        legend={"orientation": "h", "x": 0, "yref": "container", "y": 1, "yanchor": "top"},
        xaxis=bare | {"range": [-_SIDE, 2 + _SIDE]},
        yaxis=bare | {"range": [depth, 0]},
    )
