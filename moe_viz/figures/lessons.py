"""The figures of the lessons: few numbers, large enough to read from the back of a room."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from moe_viz.figures.template import TEMPLATE, chart_layout
from moe_viz.figures.theme import (
    ACCENT,
    DIVERGING,
    IDLE,
    MISSING,
    NEUTRAL,
    SECOND,
    SEQUENTIAL,
    SERIES,
    SYMBOLS,
)

_BARS, _LINES = 230, 360  # pixels
_STRIP, _RULE, _AROUND = 34, 38, 66  # pixels
_NAMED = 24  # pixels


def vectors(table: pd.DataFrame, labels: Sequence[str], x_title: str) -> go.Figure:
    """Vectors as strips of colour on one scale: below 0 blue, 0 white, above red.

    `table` has a row for each dimension, in order, and, after the column that names it, one column for each vector.
    """
    rows = table.iloc[:, 1:].to_numpy().T
    end = float(np.quantile(np.abs(rows), 0.99)) or 1.0
    return go.Figure(
        go.Heatmap(
            z=np.asarray(rows, dtype=np.float32),
            colorscale=DIVERGING,
            zmin=-end,
            zmax=end,
            showscale=False,
            ygap=3,
            hovertemplate="%{x}: %{z:.3f}<extra></extra>",
        ),
        layout=_grid(len(rows), _STRIP, labels, {"title": {"text": x_title}, "showticklabels": len(rows) > 1}),
    )


def expert_bars(
    table: pd.DataFrame,
    names: str,
    value: str,
    chosen: Collection[int],
    x_title: str,
    tick_format: str,
    *,
    y_title: str = "",
    line: tuple[float, str] | None = None,
) -> go.Figure:
    """One bar for each row of `table`, named by its column `names` and as tall as its column `value`.

    The rows at the places `chosen` stand out by colour and by their number above. `line`: a height to draw
    across, and its name.
    """
    values = table[value].tolist()
    taken = [row in chosen for row in range(len(values))]
    yaxis = {"tickformat": tick_format, "title": {"text": y_title}}
    figure = go.Figure(layout=chart_layout(_BARS, {"title": {"text": x_title}, "dtick": 1}, yaxis))
    figure.add_bar(
        x=table[names].tolist(),
        y=values,
        marker={"color": [ACCENT if one else NEUTRAL for one in taken]},
        text=[f"{value:{tick_format}}" if one else "" for value, one in zip(values, taken, strict=True)],
        textposition="outside",
        constraintext="none" if len(chosen) <= len(values) / 4 else "outside",  # where neighbours leave room
        cliponaxis=False,
        hovertemplate=f"%{{x}}: %{{y:{tick_format}}}<extra></extra>",
    )
    if line is not None:
        at, said = line
        figure.add_hline(y=at, line={"color": SECOND, "width": 2, "dash": "dash"}, annotation={"text": said})
    return figure.update_layout(showlegend=False, margin={"t": 24})


def named_bars(
    table: pd.DataFrame,
    value: str,
    chosen: Collection[int],
    x_title: str,
    number_format: str,
    *,
    interval: bool = False,
    line: tuple[float, str] | None = None,
) -> go.Figure:
    """One horizontal bar for each row of `table`, the first on top, named by `name`, as long as the column `value`.

    The rows at the places `chosen` stand out by colour and by their number. With `interval` error bars
    reach from the column `low` to `high`. `line`: a value to draw a line at, and its name.
    """
    values, names = table[value], table["name"].tolist()
    rows = list(range(len(values)))
    figure = go.Figure(
        layout={
            "template": TEMPLATE,
            "height": _AROUND + _NAMED * len(rows),
            "margin": {"t": 20, "b": 8, "l": 8, "r": 40},
            "showlegend": False,
            "hovermode": "closest",
            "xaxis": {"title": {"text": x_title}, "tickformat": ".0%", "fixedrange": True, "nticks": 6},
            "yaxis": {
                "range": [len(rows) - 0.5, -0.5],
                "tickvals": rows,
                "ticktext": names,
                "showgrid": False,
                "fixedrange": True,
            },
        }
    )
    error = None
    if interval:
        ends = {"array": table["high"] - values, "arrayminus": values - table["low"]}
        error = {"type": "data", "symmetric": False, "thickness": 2, "width": 3, "color": SECOND, **ends}
    figure.add_bar(
        orientation="h",
        y=rows,
        x=values,
        width=0.7,
        marker={"color": [ACCENT if row in chosen else IDLE for row in rows], "line": {"width": 0}},
        error_x=error,
        text=[f"<b>{value:{number_format}}</b>" if row in chosen else "" for row, value in enumerate(values)],
        textposition="inside" if interval else "outside",
        insidetextanchor="start",
        constraintext="none",
        textangle=0,
        cliponaxis=False,
        customdata=names,
        hovertemplate=f"%{{customdata}}: %{{x:{number_format}}}<extra></extra>",
    )
    if line is not None:
        at, said = line
        line_style = {"color": SECOND, "width": 2, "dash": "dash"}
        figure.add_vline(x=at, line=line_style, annotation={"text": said}, annotation_position="top")
    return figure


def weights_by_rule(table: pd.DataFrame, rules: Sequence[str], x_title: str) -> go.Figure:
    """Gating weights as numbers in cells, a row for each of `rules`; a cell without a number is not chosen.

    `table` has a row for each expert: expert, and a column for each of `rules`. Experts that no rule
    chooses have no column, so that the numbers have room on a phone.
    """
    table = table[(table[list(rules)] > 0).any(axis=1)]
    weights = table[list(rules)].to_numpy().T
    shown = np.where(weights > 0, weights, np.nan).astype(np.float32)
    return go.Figure(
        go.Heatmap(
            z=shown,
            x=[f"{expert}" for expert in table["expert"]],
            colorscale=SEQUENTIAL,
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=2,
            ygap=2,
            text=[[f"{weight:.2f}".removeprefix("0") if weight else "" for weight in row] for row in weights],
            texttemplate="%{text}",
            hovertemplate="%{y}<br>%{x}: %{z:.3f}<extra></extra>",
            hoverongaps=False,
        ),
        layout=_grid(len(weights), _RULE, rules, {"type": "category", "title": {"text": x_title}, "dtick": 1})
        | {"plot_bgcolor": MISSING},
    )


def stacked(table: pd.DataFrame, parts: Sequence[str], x_title: str) -> go.Figure:
    """One horizontal bar for each row of `table`, named by its first column, made of two or three columns, `parts`.

    The last part is pale.
    """
    rows = table.iloc[:, 0].tolist()
    colours = (NEUTRAL, ACCENT, IDLE)[-len(parts) :]
    figure = go.Figure(
        layout=chart_layout(
            96 + 52 * len(rows),
            {"type": "linear", "title": {"text": x_title}},
            {"type": "category", "autorange": "reversed", "tickvals": rows},
        )
    )
    for name, colour in zip(parts, colours, strict=True):
        figure.add_bar(
            orientation="h",
            name=name,
            y=rows,
            x=table[name],
            width=0.6,
            marker={"color": colour, "line": {"width": 0}},
            hovertemplate=f"%{{y}}<br>{name}: %{{x:,.3f}}<extra></extra>",
        )
    return figure.update_layout(barmode="stack", legend={"traceorder": "normal", "itemclick": False})


def lines(
    table: pd.DataFrame,
    series: Sequence[str],
    x_title: str,
    y_title: str,
    *,
    limits: tuple[float, float] | None = None,
    marked: int | None = None,
    dashed: str | None = None,
    y_format: str = ".3~g",
) -> go.Figure:
    """One line for each of the columns `series`, over the categories of the first column of `table`.

    A line ends where its column does: with the last number that is known. The category at the place
    `marked` has a rule behind it. `dashed` names the one that is no measurement, and must not hide another.
    """
    yaxis = {"title": {"text": y_title}, "tickformat": y_format} | ({"range": limits} if limits else {})
    figure = go.Figure(layout=chart_layout(_LINES, {"title": {"text": x_title}}, {"rangemode": "tozero"} | yaxis))
    for index, name in enumerate(series):
        rows = table.loc[: table[name].last_valid_index()] if table[name].notna().any() else table.iloc[:0]
        colour = SERIES[index % len(SERIES)]
        figure.add_scatter(
            x=[f"{x:,}" for x in rows.iloc[:, 0]],  # text: a number would be taken for a place on the axis
            y=rows[name],
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 3, "dash": "dash" if name == dashed else "solid"},
            marker={"color": colour, "symbol": SYMBOLS[index % len(SYMBOLS)], "size": 9},
            hovertemplate=f"%{{x}}<br>{name}: %{{y:{y_format}}}<extra></extra>",
        )
    if marked is not None:
        figure.add_vline(x=marked, line={"color": NEUTRAL, "width": 2, "dash": "dot"})
    return figure.update_layout(showlegend=len(series) > 1)


def _grid(rows: int, height: int, labels: Sequence[str], xaxis: dict[str, object]) -> dict[str, object]:
    """The layout of a heatmap whose rows have names, the first on top."""
    return {
        "template": TEMPLATE,
        "height": _AROUND + rows * height,
        "margin": {"t": 8, "b": 8, "l": 8, "r": 8},
        "xaxis": {"showgrid": False, "fixedrange": True, **xaxis},
        "yaxis": {
            "range": [rows - 0.5, -0.5],
            "tickvals": list(range(rows)),
            "ticktext": list(labels),
            "showgrid": False,
            "fixedrange": True,
        },
    }
