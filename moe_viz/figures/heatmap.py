"""Layers, or domains, × experts as a heatmap whose cells can be clicked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from moe_viz.figures.targets import targets
from moe_viz.figures.template import TEMPLATE
from moe_viz.figures.theme import DIVERGING, INK, MISSING, PAPER, SEQUENTIAL, TEXT

Kind = Literal["load", "weight", "difference", "use", "use difference", "specialization"]
Matrix = NDArray[np.floating]


@dataclass(frozen=True)
class _Look:
    """How one kind of number is drawn: its name, its d3 format in the hover text and on the scale."""

    name: str
    hover: str
    ticks: str
    diverging: bool = False


_LOOKS: dict[Kind, _Look] = {
    "load": _Look("share of assignments", ".2%", ".2~p"),
    "weight": _Look("mean gating weight", ".4f", ".2~g"),
    "difference": _Look("load relative to even", "+.1%", "+.2~p", diverging=True),
    "use": _Look("share of tokens", ".1%", ".2~p"),
    "use difference": _Look("difference of shares", "+.1%", "+.2~p", diverging=True),
    "specialization": _Look("largest difference of shares", "+.1%", ".2~p"),
}

_MIN_ROW, _MAX_ROW, _AIM, _AROUND = 9, 34, 420, 96  # pixels
_MOST_GAPS = 64
_MOST_TICKS = 32
_MOST_NUMBERS = 32
"""With at most this many experts in a row, their numbers are on their cells."""


def heatmap(
    table: pd.DataFrame,
    value: str,
    *,
    kind: Kind,
    row: str,
    names: Mapping[Any, str],
    hover: Mapping[str, str] | None = None,
    marked: str | None = None,
    note: tuple[str, Mapping[Any, str]] | None = None,
    **options: Any,
) -> go.Figure:
    """The column `value` of a table with a row for each cell: the column `row` says which row, `expert` which place.

    `names` are the rows in their order, the first on top, each with what it is called. `hover`: more
    columns to name in the hover text, by their label. `marked`: the column that says on which cells to put a
    dot. `note`: a column, and for each of its values the last line of the hover text. `options` are
    those of `layers_by_experts`.
    """
    at = pd.Index(list(names)).get_indexer(pd.Index(table[row])), table["expert"].to_numpy()
    shape = len(names), int(at[1].max()) + 1

    def matrix(values: pd.Series, empty: object, dtype: type) -> NDArray[Any]:
        cells: NDArray[Any] = np.full(shape, empty, dtype=dtype)
        cells[at] = values
        return cells

    return layers_by_experts(
        matrix(table[value], np.nan, np.float32),
        list(names.values()),
        kind=kind,
        experts_per_row=np.bincount(at[0], minlength=len(names)).tolist(),
        hover={name: matrix(table[column], np.nan, np.float32) for name, column in (hover or {}).items()},
        marked=None if marked is None else matrix(table[marked], False, np.bool_),
        notes=None if note is None else matrix(table[note[0]].map(note[1]), None, np.object_),
        **options,
    )


def layers_by_experts(
    matrix: Matrix,
    row_labels: Sequence[str],
    *,
    kind: Kind,
    experts_per_row: Sequence[int] | None = None,
    selected: tuple[int, int] | None = None,
    limit: float | None = None,
    hover: Mapping[str, Matrix] | None = None,
    marked: NDArray[np.bool_] | None = None,
    order: NDArray[np.integer] | None = None,
    notes: NDArray[np.object_] | None = None,
) -> go.Figure:
    """A heatmap of `matrix` `[site expert]`, the first row on top; NaN is shown as missing.

    `kind`: "load" (shares of the row), "weight" (gating weights), "difference" (0 is even; its scale
    is centred there), "use" (shares of tokens), "use difference" (centred at 0) or "specialization"
    (the largest of these). Rows are sites, or whatever their labels say. `experts_per_row` `[site]`:
    how many experts each row has; without it, NaN means that there is no such expert. `selected`: the
    (row, expert) to outline. `limit`: where the scale ends, for figures to be compared; otherwise at
    the largest value. `hover`: more matrices to name in the hover text, by their label, and `notes`
    `[site expert]` its last line. `marked` `[site expert]`: cells to put a dot on. `order` `[site expert]`:
    the expert that stands at each place of a row; by default they stand by their number.

    Streamlit cannot select a heatmap's cells, so invisible points lie over them, one on each
    expert: `clicked_cell` reads a selection of them, given the same order.

    Raises ValueError if the shapes do not fit each other.
    """
    z = np.asarray(matrix, dtype=np.float32)
    more = {name: np.asarray(values, dtype=np.float32) for name, values in (hover or {}).items()}
    _check(z, row_labels, experts_per_row, more)
    rows, experts = z.shape
    look = _LOOKS[kind]
    gap = 1 if experts <= _MOST_GAPS else 0
    real = ~np.isnan(z)
    if experts_per_row is not None:
        real = np.arange(experts) < np.asarray(experts_per_row)[:, None]
    at = np.broadcast_to(np.arange(experts), z.shape) if order is None else order
    place = np.argsort(at, axis=-1)
    points = _targets(z, real, None if order is None else place, row_labels, look, more, notes)
    z = np.take_along_axis(z, at, axis=-1)
    figure = go.Figure(
        data=[
            go.Heatmap(z=z, hoverinfo="skip", xgap=gap, ygap=gap, **_scale(z, look, limit)),
            points,
        ],
        layout={
            "template": TEMPLATE,
            "plot_bgcolor": MISSING,
            "height": _AROUND + rows * round(np.clip(_AIM / rows, _MIN_ROW, _MAX_ROW)),
            "margin": {"t": 32, "b": 8, "l": 8, "r": 8, "pad": 0},  # on top: room for the tool bar
            # The nearest point, however far: the one whose cell the pointer is in.
            "hovermode": "closest",
            "hoverdistance": -1,
            "xaxis": {
                "title": {"text": "expert" if order is None else "experts, each row in its own order"},
                "showticklabels": order is None,
                "range": [-0.5, experts - 0.5],
                "tickmode": "linear",
                "tick0": 0,
                "dtick": tick_step(experts),
                "showgrid": False,
                "fixedrange": True,
            },
            "yaxis": {
                "range": [rows - 0.5, -0.5],
                "tickvals": list(range(0, rows, tick_step(rows))),
                "ticktext": list(row_labels[:: tick_step(rows)]),
                "showgrid": False,
                "fixedrange": True,
            },
        },
    )
    if marked is not None and marked.any():
        figure.add_trace(_dots(np.take_along_axis(marked, at, axis=-1)))
    if order is not None and experts <= _MOST_NUMBERS:
        figure.add_trace(_numbers(figure.data[0], order, np.take_along_axis(real, order, axis=-1), look))
    if selected is not None:
        _outline(figure, selected[0], int(place[selected]))
    return figure


def clicked_cell(
    points: Iterable[Mapping[str, Any]], order: NDArray[np.integer] | None = None
) -> tuple[int, int] | None:
    """The (row, expert) of a selection of `layers_by_experts`, from its points; None if there is none.

    `order` is what the figure was given, `points` what Streamlit's chart gives as `selection.points`.
    """
    for point in points:
        row, place = round(point["y"]), round(point["x"])
        return row, place if order is None else int(order[row, place])
    return None


def _check(
    z: Matrix, row_labels: Sequence[str], experts_per_row: Sequence[int] | None, more: Mapping[str, Matrix]
) -> None:
    if z.ndim != 2 or not z.size:
        raise ValueError(f"the matrix has shape {z.shape}, expected [site expert] with at least one of each")
    if len(row_labels) != len(z):
        raise ValueError(f"{len(row_labels)} row labels for {len(z)} rows")
    if experts_per_row is not None and len(experts_per_row) != len(z):
        raise ValueError(f"experts_per_row has {len(experts_per_row)} entries for {len(z)} rows")
    for name, values in more.items():
        if values.shape != z.shape:
            raise ValueError(f"hover {name!r} has shape {values.shape}, expected {z.shape}")


def _scale(z: Matrix, look: _Look, limit: float | None) -> dict[str, Any]:
    """Colour scale of the heatmap; its title says if values lie beyond its end."""
    largest = float(np.nanmax(np.abs(z), initial=0.0))
    end = limit or largest or 1.0
    start = -end if look.diverging else 0.0
    name = f"{look.name} (beyond the end alike)" if largest > end else look.name
    return {
        "colorscale": DIVERGING if look.diverging else SEQUENTIAL,
        "zmin": start,
        "zmax": end,
        "colorbar": {
            "title": {"text": name, "side": "right"},
            "tickformat": look.ticks,
            "thickness": 12,
            "outlinewidth": 0,
        },
    }


def _numbers(cells: go.Heatmap, order: NDArray[np.integer], real: NDArray[np.bool_], look: _Look) -> go.Scatter:
    """The experts' numbers on their cells, in a readable colour."""
    row, place = np.nonzero(real)
    level = (cells.z[row, place] - cells.zmin) / (cells.zmax - cells.zmin)
    dark = np.abs(level - 0.5) > 0.3 if look.diverging else level < 0.5  # of the two scales of colour
    inks = np.where(np.isnan(level), TEXT, np.where(dark, PAPER, INK))
    return go.Scatter(
        x=place,
        y=row,
        text=order[row, place].astype(str),
        mode="text",
        textfont={"size": 12, "color": inks.tolist()},
        hoverinfo="skip",
        showlegend=False,
    )


def _targets(
    z: Matrix,
    real: NDArray[np.bool_],
    place: NDArray[np.integer] | None,
    row_labels: Sequence[str],
    look: _Look,
    more: Mapping[str, Matrix],
    notes: NDArray[np.object_] | None,
) -> go.Scatter | go.Scattergl:
    """One invisible point on each expert, at its `place` `[site expert]`, which carries the hover text."""
    row, expert = np.nonzero(real)
    values = [z[row, expert], *(matrix[row, expert] for matrix in more.values())]
    formats = [look.hover] + [".4~g"] * len(more)
    shown = [f"%{{customdata[{i}]:{form}}}" for i, form in enumerate(formats)]
    lines = [f"{name}: {value}" for name, value in zip([look.name, *more], shown, strict=True)]
    who = "%{x}"
    if place is not None:
        who = f"%{{customdata[{len(values)}]}}"
        values.append(expert.astype(np.float32))
    return targets(
        row,
        expert if place is None else place[row, expert],
        text=[row_labels[int(r)] for r in row],
        hovertext=None if notes is None else notes[row, expert].tolist(),
        customdata=np.stack(values, axis=-1),
        hovertemplate="<br>".join(
            [f"%{{text}}, expert {who}", *lines, *(["%{hovertext}"] if notes is not None else [])]
        )
        + "<extra></extra>",
    )


def _dots(marked: NDArray[np.bool_]) -> go.Scatter:
    """A dot on each marked cell, light with a dark rim, so that it shows on any colour."""
    row, expert = np.nonzero(marked)
    return go.Scatter(
        x=expert,
        y=row,
        mode="markers",
        marker={"size": 6, "color": PAPER, "line": {"color": INK, "width": 1}, "opacity": 1},
        unselected={"marker": {"opacity": 1}},
        hoverinfo="skip",
        showlegend=False,
    )


def _outline(figure: go.Figure, row: int, expert: int) -> None:
    """Two rings, a dark and a light one, so that one of them shows on any cell."""
    for colour, width in ((INK, 5), (PAPER, 2)):
        figure.add_shape(
            type="rect",
            x0=expert - 0.5,
            x1=expert + 0.5,
            y0=row - 0.5,
            y1=row + 0.5,
            line={"color": colour, "width": width},
        )


def tick_step(count: int, most: int = _MOST_TICKS) -> int:
    """1, 2, 4, 8 ...: the smallest that gives no more than `most` ticks."""
    step = 1
    while count / step > most:
        step *= 2
    return step
