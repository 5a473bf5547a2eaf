"""What the figures of co-activation and flow owe to their tables."""

from __future__ import annotations

import math
import re
from collections import defaultdict

import numpy as np
import pytest

from moe_viz.figures import theme
from tests.contract.reading import Band, by_name, frames, marks, names_of_axis, ribbons, same
from tests.contract.recording import Drawn


def coactivation(drawn: Drawn) -> None:
    table, options = drawn.table, drawn.options
    order = [int(expert) for expert in options["order"]]
    step = -(-len(order) // 16)
    for axis in ("xaxis", "yaxis"):
        labels = names_of_axis(drawn.figure, axis)
        assert labels == [str(expert) for expert in order[:: max(1, 2 ** math.ceil(math.log2(step)))]]
    cells = {(order[mark.at[1]], order[mark.at[0]]): mark.z for mark in marks(drawn.figure, "heatmap")}
    assert all(math.isnan(z) for pair, z in cells.items() if pair[0] == pair[1])
    stated, said = {}, {}
    for row in table.to_dict("records"):
        pair, lift = (row["expert"], row["other"]), row["lift"]
        stated[pair] = row["share"] if options["value"] == "share" else (np.log2(lift) if lift else -math.inf)
        if math.isnan(lift):
            chance = "too few to compare with chance"
        else:
            chance = f"{np.float32(lift):.2f}".rstrip("0").rstrip(".") + " × chance"
        share = "NaN" if math.isnan(row["share"]) else f"{row['share']:.1%}"
        said[pair] = (share, f"{row['tokens']:,}", chance)
    same({pair: cells[pair] for pair in stated}, stated)
    seen = {}
    for mark in marks(drawn.figure):
        if mark.kind == "heatmap":
            continue
        who, shared, chance = mark.hover.split("<br>")
        pair = tuple(int(float(number)) for number in re.findall(r"expert ([\d.]+)", who))
        assert pair == (order[mark.at[1]], order[mark.at[0]])
        share, tokens = shared.split(" of its tokens, ")
        seen[pair] = (share, tokens, chance)
    assert set(seen) == set(said)
    wrong = {pair for pair in said if seen[pair][1:] != said[pair][1:]}
    assert not wrong
    for pair, (share, *_rest) in said.items():
        if share != "NaN":
            assert float(seen[pair][0][:-1]) == pytest.approx(float(share[:-1]), abs=0.11)
    at = order.index(options["selected"])
    last = len(order) - 0.5
    assert frames(drawn.figure) == {(-0.5, last, at - 0.5, at + 0.5), (at - 0.5, at + 0.5, -0.5, last)}


def neighbours(drawn: Drawn) -> None:
    table, figure, lift = drawn.table, drawn.figure, drawn.options["lift"]
    places = {"before": 0.0, "here": 1.0, "after": 2.0}
    notes = figure.layout.annotations
    for direction, rows in table.groupby("direction"):
        (layer,) = set(rows["layer"])
        (head,) = [note.text for note in notes if note.x == places[direction] and note.y == 8]
        assert head == f"L{layer}", f"the router {direction} is that of layer {layer}"
        _side(drawn, rows, direction, places[direction], lift)
    blocks = {note.text: note.y for note in notes if note.x == 1.0 and note.text.startswith("<b>")}
    assert set(blocks) == {f"<b>{expert}</b>" for expert in set(table["expert"])}
    tops = {(top + bottom) / 2 for _l, _r, top, bottom in frames(figure)}
    assert sorted(tops) == pytest.approx(sorted(blocks.values()))


def _side(drawn: Drawn, rows, direction: str, x: float, lift: float) -> None:
    """One side: who is named, what is written there, and every ribbon's two ends, width and colour."""
    figure = drawn.figure
    taken = rows.drop_duplicates("expert")["taken"].sum()
    summed = rows.groupby("other")[["tokens", "expected"]].sum()
    written, rests = {}, []
    for note in figure.layout.annotations:
        if note.x != x or note.y == 8:
            continue
        if found := re.fullmatch(r"<b>(\d+)</b>  (\d+)%(?:  ([\d.]+) ×)?", note.text):
            written[int(found[1])] = (note.y, found[2], found[3])
        else:
            rests.append(note.text)
    strength = summed.sort_values("tokens", ascending=False, kind="stable")
    named = list(strength.index[: len(written)])
    assert set(written) == set(named), "the strongest are named"
    assert sorted(written, key=lambda other: written[other][0]) == named, "the strongest stands on top"
    for other, (_y, share, against) in written.items():
        tokens, expected = summed.loc[other]
        assert float(share) == pytest.approx(100 * tokens / taken, abs=0.501)
        if against is not None:
            assert float(against) == pytest.approx(tokens / expected, abs=0.0501)
    left_out = strength.iloc[len(named) :]
    if len(left_out):
        count, share = rests[0].split(" others: ")
        assert (len(rests), int(count)) == (1, len(left_out))
        assert float(share) == pytest.approx(left_out["tokens"].sum() / taken, abs=0.0501)
    sign = -1 if direction == "before" else 1
    clicks = by_name(
        [(mark.at[1], mark) for mark in marks(figure, "scatter markers") if mark.at[0] == x and mark.hover]
    )
    for other, (y, *_rest) in written.items():
        trace = next(t for t in figure.data if t.mode == "markers" and t.x is not None and t.x[0] == x)
        custom = {place: list(data) for place, data in zip(trace.y, trace.customdata, strict=True)}[y]
        assert custom[:2] == [sign, other]
        share = summed.loc[other, "tokens"] / taken
        assert clicks[y].hover == f"expert {other}<br>{summed.loc[other, 'tokens']:,.0f} tokens took both, {share:.1%}"
    _bands(drawn, rows, written, x, direction, lift, taken)


def _bands(drawn: Drawn, rows, written, x: float, direction: str, lift: float, taken: int) -> None:
    figure = drawn.figure
    middle = {
        int(note.text[3:-4]): note.y for note in figure.layout.annotations if note.x == 1.0 and note.text[:3] == "<b>"
    }
    outer_of = {"before": lambda band: (band.start, band.end), "after": lambda band: (band.end, band.start)}[direction]
    found: dict[tuple[int, int], Band] = {}
    for band in ribbons(figure):
        outer, inner = outer_of(band)
        if outer[0] != x or band.colour == theme.IDLE:
            continue
        other = min(written, key=lambda one: abs(written[one][0] - outer[1]))
        expert = min(middle, key=lambda one: abs(middle[one] - inner[1]))
        assert (expert, other) not in found, "one ribbon for each pair"
        found[expert, other] = band
    rows = {(r["expert"], r["other"]): r for r in rows.to_dict("records") if r["other"] in written}
    assert set(found) == set(rows)
    scale = {band.width / rows[pair]["tokens"] for pair, band in found.items() if rows[pair]["tokens"]}
    assert max(scale) == pytest.approx(min(scale)), "a ribbon is as wide as its share"
    for pair, band in found.items():
        against = rows[pair]["lift"]
        colour = theme.ACCENT if against >= lift else theme.SECOND if against <= 1 / lift else theme.NEUTRAL
        assert band.colour == colour


def paths(drawn: Drawn) -> None:
    table, options = drawn.table, drawn.options
    layers = sorted(
        {(r["near_site"], r["near_layer"]) for r in table.to_dict("records")}
        | {(r["far_site"], r["far_layer"]) for r in table.to_dict("records")}
    )
    discs, places = {}, {}
    for mark in marks(drawn.figure, "scatter markers+text"):
        if mark.look.get("opacity") == 0:
            places[mark.at[1]] = mark.text
        else:
            discs[round(mark.at[1]), round(mark.at[0], 6)] = mark
    assert all(places[site] == layer for site, layer in layers), "each row has its layer's name"
    assert {(site, int(mark.text)) for (site, _x), mark in discs.items()} == {
        *((options["site"], expert) for expert in options["experts"]),
        *zip(table["far_site"], table["far"], strict=True),
    }
    found = {}
    for band in ribbons(drawn.figure, upright=True):
        ends = [(round(at), int(discs[round(at), round(x, 6)].text)) for at, x in (band.start, band.end)]
        found[tuple(ends)] = (band.width, float(band.colour == theme.ACCENT))
    if len(table):
        same(
            found,
            {
                ((r["near_site"], r["near"]), (r["far_site"], r["far"])): (0.24 * r["share"], float(r["steps"] == 1))
                for r in table.to_dict("records")
            },
        )
    said = defaultdict(list)
    for r in table.to_dict("records"):
        said[r["far_site"], r["far"]].append(
            f"{r['share']:.0%} of the tokens of {r['near_layer']} expert {r['near']}, {r['lift']:.1f} × chance"
        )
    for (site, _x), mark in discs.items():
        expert = int(mark.text)
        assert mark.hover == "<br>".join([f"expert {expert}", *said.get((site, expert), ["chosen"])])
