"""Predict: the figure of every kind of question against its evidence, and what the page says of it."""

from __future__ import annotations

import pytest

from moe_viz.quiz.asking import KINDS
from moe_viz.ui.learn.predict.evidence import SHOWN_BEFORE, evidence
from moe_viz.ui.widgets.numbers import folded_tables
from tests.contract.contract import holds
from tests.contract.recording import draw_page
from tests.unit.test_quiz import one_question, texts_of


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("shape", ["as bundled", "64 experts"])
def test_a_question(monkeypatch, kind, shape):
    question = one_question(kind, *(text.trace for text in texts_of(shape)), seed=3)

    def part():
        evidence(question)
        folded_tables({kind: lambda: question.evidence})

    page = holds(draw_page(monkeypatch, part), f"evidence {kind}")
    assert page.figure(f"evidence {kind}").alt
    assert (kind in SHOWN_BEFORE) == (kind == "hidden_text")
    if kind == "share_held":
        site = next(iter(set(texts_of(shape)[0].trace.sites)))
        assert question.numbers["even"] == pytest.approx(site.top_k / site.num_experts)
