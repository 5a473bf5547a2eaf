"""Tables that stand on a page by themselves: what an expert writes toward, and the contexts of its tokens."""

from __future__ import annotations

import numpy as np
import pytest

from moe_viz.data.expert_outputs import ExpertOutputs
from moe_viz.ui.specialization import contexts, expert_outputs
from tests.contract.made_up import EXPERTS, LAYERS, TOP_K, profile, traces
from tests.contract.reading import numbers_in
from tests.contract.recording import draw_page

RANKS = 4


def outputs() -> ExpertOutputs:
    """What no model writes: every effect, token and count is another."""
    rng = np.random.default_rng(5)
    shape = (len(LAYERS), max(EXPERTS), RANKS)
    ids = np.arange(2 * np.prod(shape)).reshape(2, *shape)
    effects = -np.sort(-rng.random((2, *shape)), axis=-1).astype(np.float32)
    return ExpertOutputs(
        sites=profile().sites,
        provenance=profile().runs[0].provenance,
        corpus="made up",
        texts=11,
        tokens=987,
        taken=rng.integers(1, 900, shape[:2]),
        agreement=rng.random(shape[:2]).astype(np.float32),
        raised_ids=ids[0],
        raised=effects[0],
        lowered_ids=ids[1],
        lowered=-effects[1] * 0.5,
        token_texts={int(number): f"w{number}" for number in ids.ravel()},
    )


@pytest.mark.parametrize(("site", "expert"), [(1, 33), (2, 1)])
def test_what_an_expert_writes_toward(monkeypatch, site, expert):
    own = outputs()
    page = draw_page(monkeypatch, lambda: expert_outputs._show(own, "measured", site, expert))
    raised, lowered = page.shown.values()
    handed_out = page.handed_out["writes-toward"]
    for rows, end, ids, effects in (
        (raised, "raised", own.raised_ids, own.raised),
        (lowered, "lowered", own.lowered_ids, own.lowered),
    ):
        assert rows["token"].tolist() == [f"w{number}" for number in ids[site, expert]]
        assert rows["effect"].tolist() == pytest.approx(effects[site, expert].tolist())
        assert handed_out.loc[handed_out["end"] == end, "effect"].tolist() == rows["effect"].tolist()
    titles = [element.value for element in page.app.markdown]
    assert titles == ["Raises most", "Lowers most"]
    sentence = next(line for line in page.said.splitlines() if line.startswith("The mean over"))
    found = numbers_in(sentence)
    assert found[:4] == pytest.approx([own.taken[site, expert], 987, 11, own.agreement[site, expert]], abs=0.0051)


def test_contexts_are_of_the_text_that_they_name(monkeypatch):
    site, expert = 1, int(traces()["chess"][0].expert_ids[1, 3, 0])
    passages = tuple(contexts.ReadPassage(trace.text, trace) for trace in traces()["chess"][:3])
    page = draw_page(monkeypatch, lambda: contexts._table(passages, site, expert))
    stated = [
        (number, trace.tokens[token].strip(), rank + 1, float(trace.gate_weights[site, token, rank]))
        for number, trace in enumerate(traces()["chess"][:3], start=1)
        for token in range(len(trace))
        for rank in range(TOP_K[site])
        if trace.expert_ids[site, token, rank] == expert
    ]
    (rows,) = page.shown.values()
    assert rows is not None
    assert list(zip(rows["text"], rows["rank"], strict=True)) == [(number, rank) for number, _t, rank, _w in stated]
    assert all(token in shown for shown, (_n, token, _r, _w) in zip(rows["token"], stated, strict=True))
    assert rows["gating_weight"].tolist() == pytest.approx([weight for *_rest, weight in stated])
    assert page.handed_out["contexts"].equals(rows)
    sentence = next(line for line in page.said.splitlines() if "measured now" in line)
    total = sum(len(passage.trace) for passage in passages)
    assert numbers_in(sentence)[:3] == [len(stated), total, 3]
