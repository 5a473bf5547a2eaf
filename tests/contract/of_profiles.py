"""What each figure of a profile or a text owes to its table."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moe_viz.figures import theme
from moe_viz.figures.heatmap import _LOOKS
from moe_viz.probes import TITLES
from tests.contract.reading import (
    by_name,
    frames,
    marks,
    names_of_axis,
    numbers_in,
    same,
)
from tests.contract.recording import Drawn

WORDS = {
    "load": ("load", "share of assignments"),
    "mean_gating_weight": ("weight", "mean gating weight"),
    "uniform_difference": ("difference", "load relative to even"),
    "share": ("use", "share of tokens"),
    "difference": ("use difference", "difference of shares"),
    "difference_from_overall": ("use difference", "difference of shares"),
    "largest_difference": ("specialization", "largest difference of shares"),
}
"""For each column that a heatmap may show: its kind of scale, and what it is called there."""
DIVERGING = {"uniform_difference", "difference", "difference_from_overall"}
PERCENT = set(WORDS) - {"mean_gating_weight"}


def title(domain: str) -> str:
    """What a domain is called."""
    return TITLES.get(domain, domain)


def heatmap(drawn: Drawn, *, row_name=None) -> None:
    table, options = drawn.table, drawn.options
    value, row, figure = options["value"], options["row"], drawn.figure
    kind, words = WORDS[value]
    assert options["kind"] == kind
    names = {key: row_name(key) for key in dict.fromkeys(table[row])} if row_name else dict(options["names"])
    assert [name.replace("&lt;", "<").replace("&gt;", ">") for name in options["names"].values()] == [
        names[key] for key in options["names"]
    ]
    assert names_of_axis(figure, "yaxis") == [names[key] for key in options["names"]]
    hover = options.get("hover") or {}
    note = options.get("note")
    cells = {mark.at: mark.z for mark in marks(figure, "heatmap")}
    targets = [mark for mark in marks(figure) if mark.hover and mark.kind == "scatter markers"]
    seen = []
    for target in targets:
        who, *said = target.hover.split("<br>")
        name, expert = who.rsplit(", expert ", 1)
        assert target.y == name
        if options.get("order") is None:
            assert target.at[0] == int(float(expert))
        values = dict(line.split(": ", 1) for line in said)
        assert list(values)[: 1 + len(hover)] == [words, *hover]
        seen.append(((name, int(float(expert))), (target.at, values)))
    seen = by_name(seen)
    rounded = 0.0051 if value == "mean_gating_weight" else 0.00051
    stated_cells, drawn_cells = {}, {}
    for record in table.to_dict("records"):
        at, values = seen.pop((names[record[row]], record["expert"]))
        stated_cells[at], drawn_cells[at] = record[value], cells.pop(at)
        if not math.isnan(record[value]):
            (said,) = numbers_in(values[words].replace("+", ""))
            assert said == pytest.approx(record[value], abs=rounded)
        for words_of, column in hover.items():
            assert numbers_in(values[words_of])[0] == pytest.approx(record[column], rel=1e-3)
        if note:
            assert values["most of"] == title(record[note[0]])
    assert not seen
    same(drawn_cells, stated_cells)
    assert all(math.isnan(z) for z in cells.values()), "a cell of an expert that there is not"
    _scale(figure.data[0], table[value], value, options.get("limit"))
    _order(drawn, names)
    at = {(names[r[row]], r["expert"]) for r in table.to_dict("records") if options.get("marked") and r["marked"]}
    dots = {(m.y, m.at[0]) for m in marks(figure) if m.look.get("opacity") == 1 and m.kind == "scatter markers"}
    if options.get("order") is None:
        assert dots == at
    if options.get("selected") is not None:
        site, expert = options["selected"]
        place = expert if options.get("order") is None else options["order"][site].tolist().index(expert)
        assert {(left, top) for left, _right, top, _bottom in frames(figure)} == {
            (place - 0.5, list(names).index(site) - 0.5)
        }


def _scale(cells, values, column: str, limit: float | None) -> None:
    look = _LOOKS[WORDS[column][0]]
    assert look.diverging == (column in DIVERGING)
    assert cells.zmin == (-cells.zmax if column in DIVERGING else 0)
    assert cells.zmax == pytest.approx(limit or np.nanmax(np.abs(values)), rel=1e-5)
    ends = theme.DIVERGING if column in DIVERGING else theme.SEQUENTIAL
    assert [colour for _at, colour in cells.colorscale] == [colour for _at, colour in ends]


def _order(drawn: Drawn, names) -> None:
    """Where experts stand in another order, their numbers stand on the cells, or there are too many."""
    order = drawn.options.get("order")
    written = list(marks(drawn.figure, "scatter text"))
    if order is None:
        assert not written
        return
    assert drawn.figure.layout.xaxis.showticklabels is False
    if not written:
        assert order.shape[1] > 32
    for mark in written:
        site = [names[key] for key in drawn.options["names"]].index(mark.y)
        assert int(mark.text) == order[site, mark.at[0]]


def one_layer(drawn: Drawn) -> None:
    options = dict(drawn.options)
    site, dots = options.pop("site"), options.pop("dots")
    rows = drawn.table[drawn.table["site"] == site]
    options |= {"row": "domain", "hover": {"tokens": "tokens"}, "marked": "marked" if dots else None}
    heatmap(Drawn(None, rows, options, drawn.key, drawn.alt, drawn.figure), row_name=title)


def all_layers(drawn: Drawn) -> None:
    table, options, figure = drawn.table, drawn.options, drawn.figure
    end = options["limit"]
    layer_of = dict(zip(table["site"], table["layer"], strict=True))
    written = [note.text for note in figure.layout.annotations]
    assert written == [f"L{layer_of[site]}" for site in sorted(layer_of)]
    for site, panel in enumerate([trace for trace in figure.data if trace.type == "heatmap"]):
        rows = table[table["site"] == site]
        stated = {
            (options["domains"].index(r["domain"]), r["expert"]): r[options["value"]] for r in rows.to_dict("records")
        }
        level = np.asarray(panel.z, dtype=float) / 255
        drawn_values = (2 * level - 1) * end if options["diverging"] else level * end
        same({at: drawn_values[at] for at in np.ndindex(panel.z.shape)}, stated, absolute=end / 200)
        x, y = (figure.layout[f"{axis[0]}axis{axis[1:]}"] for axis in (panel.xaxis, panel.yaxis))
        note = figure.layout.annotations[site]
        assert x.domain[0] <= note.x <= x.domain[1]
        assert note.y == pytest.approx(y.domain[1])
        assert y.range[0] > y.range[1]
        (target,) = [t for t in figure.data if t.type == "scatter" and t.xaxis == panel.xaxis]
        assert target.customdata[0] == site
        assert target.hovertemplate == f"L{layer_of[site]}<br>{rows['expert'].nunique()} experts<extra></extra>"
        if site == options["selected"]:
            assert figure.layout.shapes[0].xref.split()[0] == panel.xaxis
    assert options["diverging"] == (options["value"] in DIVERGING)
    assert end == pytest.approx(table[options["value"]].abs().max(), rel=1e-5)
