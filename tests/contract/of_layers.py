"""What the figures with layers, domains or experts along an axis owe to their tables."""

from __future__ import annotations

from collections import Counter

import pytest

from moe_viz.figures import theme
from tests.contract.of_profiles import title
from tests.contract.reading import (
    by_name,
    lines,
    marks,
    names_of_axis,
    same,
)
from tests.contract.recording import Drawn


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
