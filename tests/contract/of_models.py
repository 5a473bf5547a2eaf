"""What the figures of how models are built owe to their tables."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict

import pytest

from tests.contract.reading import by_name, marks, names_of_axis, same
from tests.contract.recording import Drawn


def topology(drawn: Drawn) -> None:
    table, figure = drawn.table, drawn.figure
    reads = [mark for mark in marks(figure, "scatter markers") if mark.hover]
    assert len(reads) == len(table)
    place = {}
    for mark, row in zip(sorted(reads, key=lambda mark: mark.at[1]), table.to_dict("records"), strict=True):
        assert mark.hover == f"layer {row['layer']} {row['part']}<br>{row['words']}<br>{row['rule']}"
        place[mark.at[1]] = row
    cells = defaultdict(list)
    for mark in marks(figure, "heatmap"):
        if not math.isnan(mark.z):
            cells[mark.at[1]].append(mark.z)
    bars = defaultdict(list)
    for mark in marks(figure, "bar"):
        bars[mark.at[1]].append((mark.look["base"], mark.at[0], mark.series))
    experts = max(1, *(row["experts"] for row in place.values()))
    for y, row in place.items():
        if row["routed"]:
            used, idle = row["top_k"], row["experts"] - row["zero_experts"] - row["top_k"]
            assert Counter(cells[y]) == Counter({1.0: used, 0.0: idle}) - Counter()
        else:
            assert not cells[y]
        lines = [bar for bar in bars[y] if bar[0] == -0.5 and bar[1] == experts and bar[2] is None]
        assert len(lines) == (not row["routed"])
        nothing = [bar for bar in bars[y] if bar[2] == "choices that compute nothing"]
        if row["routed"] and row["zero_experts"]:
            assert nothing == [(row["experts"] - row["zero_experts"] - 0.5, row["zero_experts"], nothing[0][2])]
        else:
            assert not nothing
        assert len(bars[y]) - len(lines) - len(nothing) == row["shared_experts"]
    ticks = dict(zip(figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext, strict=True))
    assert ticks
    assert all(text == f"L{place[y]['layer']}" for y, text in ticks.items())
    names_of_axis(figure, "yaxis")


def shares(drawn: Drawn) -> None:
    table, labels = drawn.table, drawn.options["labels"]
    total = table["weights"].sum()
    rows = {"all weights": dict(table[["weights", "always", "chosen"]].sum())}
    rows |= by_name([(row["part"], row) for row in table.to_dict("records")])
    assert names_of_axis(drawn.figure, "yaxis") == list(labels)
    for label, (part, row) in zip(labels, rows.items(), strict=True):
        name, said = label.rsplit("  ", 1)
        assert name == part
        assert (0 if said == "–" else _count(said)) == pytest.approx(row["weights"], rel=0.006)
    found = by_name([((mark.y.rsplit("  ", 1)[0], mark.series), mark.at[0]) for mark in marks(drawn.figure, "bar")])
    stated = {}
    for part, row in rows.items():
        parts = {"every token": row["always"], "one token": row["chosen"]}
        parts["idle"] = row["weights"] - row["always"] - row["chosen"]
        stated |= {(part, kind): value / total for kind, value in parts.items() if (part, kind) in found or value}
    same(found, stated)
    for mark in marks(drawn.figure, "bar"):
        part = mark.y.rsplit("  ", 1)[0]
        assert mark.hover.startswith(f"{part}, {mark.series}<br>{round(mark.at[0] * total):,} weights, ")


def total_against_active(drawn: Drawn) -> None:
    rows = by_name([(row["name"], row) for row in drawn.table.to_dict("records")])
    points = list(marks(drawn.figure, "scatter markers+text"))
    named = {}
    for mark in points:
        name = re.match(r"<b>(.+?)</b>", mark.hover)[1]
        row = rows[name]
        named[name] = mark.at
        assert mark.text in ("", name)
        assert (mark.look["symbol"] == "circle") == row["routed"]
        assert (mark.look["size"] == 15) == (name in drawn.options["marked"])
        share = f"{row['active'] / row['total']:.1%}"
        assert mark.hover == (
            f"<b>{name}</b><br>{row['organisation']}, {row['released']}<br>{row['total']:,} weights"
            f"<br>one token uses {row['active']:,}, {share}"
        )
    same(by_name(list(named.items())), {name: (row["total"], row["active"]) for name, row in rows.items()})
    shares_of_lines = [trace.y[0] / trace.x[0] for trace in drawn.figure.data if trace.mode == "lines"]
    names = [note.text for note in drawn.figure.layout.annotations]
    known = {"a token uses all": 1, "a tenth": 0.1, "a hundredth": 0.01}
    assert shares_of_lines == pytest.approx([known[name] for name in names])


def _count(said: str) -> float:
    number, *unit = said.split()
    return float(number) * {"B": 1e9, "M": 1e6, "K": 1e3}.get("".join(unit), 1)
