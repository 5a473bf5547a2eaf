"""The recorded profile of held-out documents: which documents, how much of each, and what of the training ones."""

from __future__ import annotations

import moe_viz
from moe_viz.probes import probe_texts
from moe_viz.profiles.routed_batch import document_key
from training import heldout
from training.corpus import Split
from training.heldout import heldout_profile


def test_the_beginnings_of_held_out_documents_are_counted_and_nothing_else(monkeypatch):
    monkeypatch.setattr(heldout, "DOCUMENTS", 3)
    monkeypatch.setattr(heldout, "TOKENS", 20)
    domains = {name: Split(texts[6:], texts[:6]) for name, texts in probe_texts().items() if name in ("chess", "law")}
    with moe_viz.load() as model:
        profile = heldout_profile(model, domains)
    assert profile.tokens.tolist() == [60, 60]
    kept = {document_key(text.encode()) for split in domains.values() for text in split.heldout[:3]}
    assert set(profile.block_key.tolist()) == kept
    [run] = profile.runs
    assert (run.corpus, run.complete) == ("held-out documents of the training corpus", True)
