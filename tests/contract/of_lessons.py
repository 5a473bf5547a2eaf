"""What the figures of lessons, of training and of questions owe to their tables."""

from __future__ import annotations

import math

import pytest

from moe_viz.figures import theme
from moe_viz.lessons.texts import predict, predict_kind
from moe_viz.quiz.question import GIVEN
from tests.contract.of_profiles import heatmap
from tests.contract.reading import by_name, lines, marks, names_of_axis, same
from tests.contract.recording import Drawn


def vectors(drawn: Drawn) -> None:
    table, labels = drawn.table, drawn.options["labels"]
    columns = list(table)[1:]
    assert len(labels) == len(columns)
    for column, label in zip(columns, labels, strict=True):
        expert = column.removeprefix("expert ")
        assert label == "" or expert in label or "sum" in column, f"{label} is the name of {column}"
    found = by_name([((mark.at[1], mark.at[0]), mark.z) for mark in marks(drawn.figure, "heatmap")])
    stated = {
        (row, dimension): table[column][dimension]
        for row, column in enumerate(columns)
        for dimension in range(len(table))
    }
    same(found, stated)
    assert names_of_axis(drawn.figure, "yaxis") == labels


def expert_bars(drawn: Drawn) -> None:
    table, options = drawn.table, drawn.options
    bars = marks(drawn.figure, "bar")
    rows = by_name(list(zip(table[options["names"]], table[options["value"]], strict=True)))
    same(by_name([(mark.x, mark.at[1]) for mark in bars]), rows)
    _standing_out(drawn, bars, options["tick_format"])
    line = options.get("line")
    assert lines(drawn.figure) == ({} if line is None else {f"y {line[1]}": line[0]})


def _standing_out(drawn: Drawn, bars, tick_format: str) -> None:
    """The chosen ones alone are in colour, and their number is their own."""
    for place, mark in enumerate(bars):
        value = mark.at[1]
        chosen = place in drawn.options["chosen"]
        assert (mark.look["colour"] == theme.ACCENT) == chosen
        assert mark.text == (f"{value:{tick_format}}" if chosen else "")
        assert mark.hover == f"{mark.x}: {value:{tick_format}}"


def named_bars(drawn: Drawn) -> None:
    table, options = drawn.table, drawn.options
    assert names_of_axis(drawn.figure, "yaxis") == table["name"].tolist()
    rows = by_name([(row["name"], row) for row in table.to_dict("records")])
    bars = marks(drawn.figure, "bar")
    same(by_name([(mark.y, mark.at[0]) for mark in bars]), {name: row[options["value"]] for name, row in rows.items()})
    for place, mark in enumerate(bars):
        said = f"{mark.at[0]:{options['number_format']}}"
        assert mark.hover == f"{mark.y}: {said}"
        assert mark.text == (f"<b>{said}</b>" if place in options["chosen"] else "")
        assert (mark.look["colour"] == theme.ACCENT) == (place in options["chosen"])
        if options.get("interval"):
            row = rows[mark.y]
            assert (mark.look["low"], mark.look["high"]) == pytest.approx((row["low"], row["high"]))
    line = options.get("line")
    assert lines(drawn.figure) == ({} if line is None else {f"x {line[1]}": line[0]})


def weights_by_rule(drawn: Drawn) -> None:
    table, rules = drawn.table, drawn.options["rules"]
    found = {(mark.y, int(mark.x)): mark for mark in marks(drawn.figure, "heatmap")}
    stated = {(rule, row["expert"]): row[rule] for row in table.to_dict("records") for rule in rules}
    for at, weight in stated.items():
        if weight > 0:
            assert found[at].z == pytest.approx(weight, abs=1e-6)
            assert found[at].text == f"{weight:.2f}".removeprefix("0")
        elif at in found:
            assert math.isnan(found[at].z)
    assert names_of_axis(drawn.figure, "yaxis") == list(rules)


def stacked(drawn: Drawn) -> None:
    table = drawn.table
    rows = by_name([(row[table.columns[0]], row) for row in table.to_dict("records")])
    found = by_name([((mark.series, mark.y), mark.at[0]) for mark in marks(drawn.figure, "bar")])
    same(found, {(part, name): row[part] for part in drawn.options["parts"] for name, row in rows.items()})
    for mark in marks(drawn.figure, "bar"):
        assert mark.hover == f"{mark.y}<br>{mark.series}: {mark.at[0]:,.3f}"


def series(drawn: Drawn) -> None:
    """`lines`: a line for each column, over the first one."""
    table, names = drawn.table, drawn.options["series"]
    found = by_name([((mark.series, mark.x), mark.at[1]) for mark in marks(drawn.figure)])
    stated = {}
    for name in names:
        known = table[table[name].notna()]
        last = known.index.max()
        stated |= {(name, f"{row[table.columns[0]]:,}"): row[name] for row in table.loc[:last].to_dict("records")}
    same(found, stated)
    for trace in drawn.figure.data:
        assert (trace.line.dash == "dash") == (trace.name == drawn.options.get("dashed"))
    marked = drawn.options.get("marked")
    assert lines(drawn.figure) == ({} if marked is None else {"x": marked})
    by_colour = [(trace.line.color, trace.marker.symbol) for trace in drawn.figure.data]
    assert len(set(by_colour)) == len(by_colour)


def by_layer(drawn: Drawn) -> None:
    column = drawn.options["column"]
    found = by_name([((mark.series, mark.x), mark.at[1]) for mark in marks(drawn.figure)])
    rows = {(f"layer {r['layer']}", f"{r['updates']:,}"): r for r in drawn.table.to_dict("records")}
    same(found, {at: row[column] for at, row in rows.items()})
    for mark in marks(drawn.figure):
        row = rows[mark.series, mark.x]
        assert mark.hover == (f"{mark.series}, {mark.x} updates, {row['tokens']:,} tokens<br>{row[column]:.3f}")


def by_domain(drawn: Drawn) -> None:
    column = drawn.options["column"]
    found = by_name([((mark.series, mark.x), mark.at[1]) for mark in marks(drawn.figure)])
    stated = {(r["domain"], f"{r['updates']:,}"): r[column] for r in drawn.table.to_dict("records")}
    for updates in set(drawn.table["updates"]):
        values = drawn.table.loc[drawn.table["updates"] == updates, column]
        stated["mean of all kinds of text", f"{updates:,}"] = sum(values) / len(values)
    same(found, stated)


def evidence_figure(drawn: Drawn) -> None:
    question = drawn.options["of"]
    assert drawn.table is question.evidence
    _QUESTIONS[question.kind](drawn, question)


def _letter(choice: int) -> str:
    return "hidden" if choice == GIVEN else "ABCDEFGH"[choice]


def _same_expert(drawn: Drawn, question) -> None:
    found = by_name([((mark.y, int(mark.x)), mark) for mark in marks(drawn.figure, "heatmap")])
    rows = {
        (predict("given") if r["choice"] == GIVEN else _letter(r["choice"]), r["expert"]): r["gating_weight"]
        for r in drawn.table.to_dict("records")
    }
    same({at: mark.z for at, mark in found.items() if at in rows}, rows)
    assert all(math.isnan(mark.z) for at, mark in found.items() if at not in rows)


def _how_many(drawn: Drawn, question) -> None:
    bars = marks(drawn.figure, "bar")
    rows = dict(zip(drawn.table["expert"], drawn.table["tokens"], strict=True))
    same(by_name([(mark.x, mark.at[1]) for mark in bars]), rows)
    assert {m.x for m in bars if m.look["colour"] == theme.ACCENT} == {e for e, tokens in rows.items() if tokens}


def _least_sure(drawn: Drawn, question) -> None:
    rows = drawn.table[drawn.table["rank"] <= 16]
    stated = {(_letter(r["choice"]), str(r["rank"])): r["share"] for r in rows.to_dict("records")}
    same(by_name([((mark.series, mark.x), mark.at[1]) for mark in marks(drawn.figure)]), stated)


def _named(drawn: Drawn, column: str, marked: set[str], height: float | None) -> None:
    bars = marks(drawn.figure, "bar")
    same(
        by_name([(mark.x, mark.at[1]) for mark in bars]),
        {str(r["layer"]): r[column] for r in drawn.table.to_dict("records")},
    )
    assert {mark.x for mark in bars if mark.look["colour"] == theme.ACCENT} == marked
    assert list(lines(drawn.figure).values()) == ([] if height is None else [pytest.approx(height)])


def _layer_apart(drawn: Drawn, question) -> None:
    _named(
        drawn, "distance", {r["layer"] for r in drawn.table.to_dict("records") if r["choice"] == question.right}, None
    )


def _share_held(drawn: Drawn, question) -> None:
    asked = {r["layer"] for r in drawn.table.to_dict("records") if r["asked"]}
    _named(drawn, "held", asked, question.numbers["even"])


def _same_token(drawn: Drawn, question) -> None:
    places = [predict_kind(question.kind)[key] for key in ("first", "second")]
    found = by_name([((mark.y, mark.x), (mark.text, mark.z)) for mark in marks(drawn.figure, "heatmap")])
    stated = {}
    for row in drawn.table.to_dict("records"):
        for place, key in zip(places, ("first", "second"), strict=True):
            same_one = row["first"] == row["second"] >= 0
            stated[place, row["layer"]] = (str(row[key]) if row[key] >= 0 else "–", float(same_one))
    assert found == stated


def _hidden_text(drawn: Drawn, question) -> None:
    names = {c: predict("hidden") if c == GIVEN else _letter(c) for c in sorted(set(drawn.table["choice"]))}
    options = {"value": "load", "kind": "load", "row": "choice", "names": names}
    heatmap(Drawn(None, drawn.table, options, drawn.key, drawn.alt, drawn.figure), row_name=names.__getitem__)


_QUESTIONS = {
    "same_expert": _same_expert,
    "how_many": _how_many,
    "least_sure": _least_sure,
    "layer_apart": _layer_apart,
    "same_token": _same_token,
    "share_held": _share_held,
    "hidden_text": _hidden_text,
}
