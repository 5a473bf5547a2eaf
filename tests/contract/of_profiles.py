"""What each figure of a profile or a text owes to its table."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from moe_viz.figures import theme
from moe_viz.figures.heatmap import _LOOKS
from moe_viz.probes import TITLES
from tests.contract.reading import (
    by_name,
    frames,
    lines,
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


def _by_layer(drawn: Drawn, series: dict[str, str], *, name="layer") -> None:
    """Every line or bar: for each layer the value of its column."""
    for words, column in series.items():
        found = by_name([(mark.x, mark.at[1]) for mark in marks(drawn.figure) if mark.series == words])
        label = (lambda layer: layer) if name == "layer" else (lambda layer: f"L{layer}")
        same(found, by_name([(label(r["layer"]), r[column]) for r in drawn.table.to_dict("records")]))
    assert {mark.series for mark in marks(drawn.figure)} == set(series)


def effective_experts(drawn: Drawn) -> None:
    effective = "effective (e^entropy of the load)"
    _by_layer(drawn, {"in the layer": "num_experts", effective: "effective_experts"})
    for mark, row in zip(_of(drawn, effective), drawn.table.to_dict("records"), strict=True):
        assert mark.hover == (
            f"layer {row['layer']}<br>effective experts: {row['effective_experts']:.2f} of {row['num_experts']}.0<br>"
            f"unused: {row['unused_experts']}.0<br>MaxVio: {row['max_violation']:.3f}"
        )


def entropies(drawn: Drawn) -> None:
    series = {
        "load: 1 is an even spread": "load_entropy_normalized",
        "router, mean over tokens: 1 is undecided": "router_entropy_normalized",
    }
    _by_layer(drawn, {words: column for words, column in series.items() if drawn.table[column].notna().any()})
    for words, column in series.items():
        for mark, value in zip(_of(drawn, words), drawn.table[column], strict=False):
            assert mark.hover.endswith(f"{words.partition(':')[0].partition(',')[0]}: {value:.4f}") or (
                f": {value:.4f}" in mark.hover
            )


def unevenness(drawn: Drawn) -> None:
    _by_layer(drawn, {"MaxVio": "max_violation", "CV": "coefficient_of_variation", "Gini": "gini"})
    for mark in marks(drawn.figure):
        row = drawn.table.set_index("layer").loc[mark.x]
        assert mark.hover == (
            f"layer {mark.x}<br>{mark.series}: {mark.at[1]:.3f}<br>dead experts: {int(row['dead_experts'])}"
        )


def repetition(drawn: Drawn) -> None:
    series = {
        "share any expert": "either",
        "share any expert, by chance": "either_chance",
        "same first choice": "first",
        "same first choice, by chance": "first_chance_at_load",
    }
    _by_layer(drawn, series)
    for mark in marks(drawn.figure):
        assert mark.hover == f"layer {mark.x}<br>{mark.series}: {mark.at[1]:.1%}"
        assert (mark.look["dash"] == "dot") == mark.series.endswith("by chance")


def information(drawn: Drawn) -> None:
    _by_layer(drawn, {"measured": "bits", "labels shuffled, largest": "null_largest"}, name="L")
    guess = drawn.options.get("guess")
    assert lines(drawn.figure) == ({} if guess is None else {f"y {guess[1]}": guess[0]})
    rows = by_name([(f"L{row['layer']}", row) for row in drawn.table.to_dict("records")])
    for mark in _of(drawn, "measured"):
        row = rows[mark.x]
        if drawn.options["interval"]:
            assert (mark.look["low"], mark.look["high"]) == pytest.approx((row["low"], row["high"]))
            assert mark.hover == f"{mark.x}: {row['bits']:.3f} bits, interval {row['low']:.3f} to {row['high']:.3f}"
        else:
            assert "low" not in mark.look
            assert mark.hover == f"{mark.x}: {row['bits']:.3f} bits"


def given_token(drawn: Drawn) -> None:
    _by_layer(drawn, {"all tokens": "first_choice_bits", "within the same token": "left_bits"}, name="L")
    for mark in marks(drawn.figure):
        assert mark.hover == f"{mark.x}, {mark.series}: {mark.at[1]:.3f} bits"


def halves(drawn: Drawn) -> None:
    table = drawn.table
    layer_of = dict(zip(table["site"], table["layer"], strict=True))
    found = {}
    for mark in marks(drawn.figure, "scatter markers"):
        assert mark.hover == f"{mark.text}<br>found at {mark.at[0]:+.1%}, held out {mark.at[1]:+.1%}".replace(
            "&lt;", "<"
        ).replace("&gt;", ">")
        name = mark.text.replace("&lt;", "<").replace("&gt;", ">")
        found[name] = (*mark.at, float(mark.series.startswith("confirmed")))
    same(
        found,
        {
            f"{title(r['domain'])}, L{layer_of[r['site']]}, expert {r['expert']}": (
                r["fitted"],
                r["held_out"],
                float(r["confirmed"]),
            )
            for r in table.to_dict("records")
        },
    )
    (line,) = [trace for trace in drawn.figure.data if trace.mode == "lines"]
    assert list(line.x) == list(line.y)
    assert Counter(trace.name for trace in drawn.figure.data if trace.name) == {
        f"confirmed ({int(table['confirmed'].sum())})": 1,
        f"not confirmed ({int((~table['confirmed']).sum())})": 1,
    }


def share_by_domain(drawn: Drawn) -> None:
    table, options = drawn.table, drawn.options
    assert names_of_axis(drawn.figure, "yaxis") == [title(domain) for domain in table["domain"]]
    rows = by_name([(title(row["domain"]), row) for row in table.to_dict("records")])
    points = marks(drawn.figure, "scatter markers")
    same(by_name([(mark.y, mark.at[0]) for mark in points]), {name: row["share"] for name, row in rows.items()})
    for mark in points:
        row = rows[mark.y]
        assert (mark.series == "specialist") == row["marked"]
        assert (mark.look["low"], mark.look["high"]) == pytest.approx((row["low"], row["high"]))
        name = mark.y
        said = f"{name}: {row['share']:.1%} of its tokens<br>interval {row['low']:.1%} to {row['high']:.1%}"
        assert mark.hover == said
    drawn_lines = {trace.name: list(trace.x) for trace in drawn.figure.data if trace.mode == "lines"}
    assert drawn_lines == {"all domains": [options["overall"]] * 2, "even spread": [options["even"]] * 2}
    assert {t.name: t.line.dash for t in drawn.figure.data if t.mode == "lines"} == {
        "all domains": "solid",
        "even spread": "dot",
    }


def loads(drawn: Drawn) -> None:
    rows = by_name([(row["expert"], row) for row in drawn.table.to_dict("records")])
    bars = marks(drawn.figure, "bar")
    same(by_name([(mark.x, mark.at[1]) for mark in bars]), {expert: row["load"] for expert, row in rows.items()})
    for mark in bars:
        row = rows[mark.x]
        assert mark.hover == (
            f"expert {mark.x}<br>{row['load']:.1%} of the layer's assignments<br>{row['tokens']:,} tokens"
        )
    assert [mark.x for mark in bars if mark.look["colour"] == theme.ACCENT] == [drawn.options["selected"]]
    assert lines(drawn.figure) == {"y": pytest.approx(1 / len(rows))}


def _of(drawn: Drawn, series: str) -> list:
    return [mark for mark in marks(drawn.figure) if mark.series == series]
