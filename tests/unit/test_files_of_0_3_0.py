"""Files that version 0.3.0 wrote still open, with what was in them."""

from pathlib import Path

import numpy as np
import pytest

from moe_viz import ExpertOutputs, ExpertProfile, NextTokens, Provenance, RouterSite, RoutingTrace, Scoring
from moe_viz.data.training_recording import TrainingRecording
from moe_viz.profiles.corpus_run import CorpusRun, TokenGroup

FILES = Path(__file__).parents[1] / "files" / "0.3.0"
PROVENANCE = Provenance(
    "invented",
    "abc123",
    "qwen3_moe",
    "float32",
    "cpu",
    "transformers",
    (("torch", "2.13.0"),),
    "2026-01-01T00:00:00+00:00",
    None,
    ("a note",),
)
GROUPED = Scoring("sigmoid", True, 2.5, (0.0, 0.5, 0.25, 0.125), groups=2, groups_kept=1)
SITES = (
    RouterSite("model.layers.0.mlp", 0, 4, 2, scoring=GROUPED, shared_experts=1),
    RouterSite("model.layers.2.mlp", 2, 3, 1),
)


@pytest.mark.parametrize("name", ["plain", "full"])
def test_a_trace(name):
    trace = RoutingTrace.load(FILES / f"{name}.moetrace")
    assert trace.tokens == ("The", " 猫", "")
    assert trace.token_names == ("The", "Ġ猫", "⟨E6 8E⟩")
    assert trace.token_ids.tolist() == [5, 900, 7]
    assert trace.generated.tolist() == [False, False, True]
    assert (trace.sites, trace.provenance) == (SITES, PROVENANCE)
    assert trace.expert_ids.tolist() == [[[1, 0], [3, 2], [2, -1]], [[2, -1], [0, -1], [-1, -1]]]
    assert trace.gate_weights.tolist() == [[[1.5, 1], [2, 0.5], [2.5, 0]], [[0.75, 0], [0.5, 0], [0, 0]]]
    if name == "plain":
        assert trace.router_logits is None
        assert trace.next_tokens is None
        return
    logits = np.arange(24).reshape(2, 3, 4) / 8 - 1
    logits[1, :, 3] = np.nan
    np.testing.assert_array_equal(trace.router_logits, logits)
    assert trace.next_tokens == NextTokens(
        np.array([[900, 1], [7, 2], [3, 4]]),
        np.array([[0.5, 0.25], [0.75, 0.125], [0.375, 0.25]]),
        ((" 猫", "a"), ("\n", "b"), ("c", "<d>")),
    )


def test_a_profile():
    profile = ExpertProfile.load(FILES / "two_domains.moeprofile")
    assert profile.groups == tuple(TokenGroup(d, g) for d in ("code", "verse") for g in (False, True))
    assert profile.runs == (CorpusRun(PROVENANCE, "traces", None, None, 2, 0, 6, "", complete=True),)
    assert profile.sites == SITES
    assert profile.tokens.tolist() == [2, 1, 2, 1]
    assert profile.counts(generated=False)[0].tolist()[0] == [1, 1, 1, 1]
    assert profile.scored_tokens.tolist() == [[0, 0], [0, 0], [2, 0], [1, 0]]
    assert profile.token_texts[5] == "The"
    traces = {
        "verse": [RoutingTrace.load(FILES / "full.moetrace")],
        "code": [RoutingTrace.load(FILES / "plain.moetrace")],
    }
    assert ExpertProfile.of_traces(traces) == profile


def test_expert_outputs():
    outputs = ExpertOutputs.load(FILES / "outputs.npz")
    assert outputs.sites == (RouterSite("model.layers.0.mlp", 0, 2, 1),)
    assert (outputs.corpus, outputs.texts, outputs.tokens) == ("three texts", 3, 40)
    assert (outputs.provenance, outputs.taken.tolist()) == (PROVENANCE, [[40, 0]])
    np.testing.assert_array_equal(outputs.agreement, [[0.5, np.nan]])
    assert outputs.raised_ids.tolist() == [[[3, 1], [-1, -1]]]
    assert outputs.lowered_ids.tolist() == [[[2, 0], [-1, -1]]]
    np.testing.assert_array_equal(outputs.raised, [[[2.5, 1.25], [np.nan] * 2]])
    np.testing.assert_array_equal(outputs.lowered, [[[-2.5, -1.5], [np.nan] * 2]])
    assert outputs.token_texts == {0: "a", 1: " b", 2: "猫", 3: "\n"}


def test_a_training_recording():
    recording = TrainingRecording.load(FILES / "training.npz")
    assert recording.sites == (RouterSite("model.layers.0.mlp", 0, 4, 2, scoring=Scoring("softmax", True)),)
    assert (recording.provenance, recording.balance, recording.tokens_per_update) == (PROVENANCE, 0.02, 100)
    assert (recording.updates.tolist(), recording.domains) == ([0, 5], ("law", "verse"))
    assert recording.losses.tolist() == [[9, 9], [2, 3]]
    assert recording.counts.tolist() == [[[[10, 10, 0, 0]]] * 2, [[[10, 10, 0, 0]], [[0, 0, 10, 10]]]]
    assert (recording.text_domain.tolist(), recording.watched.tolist()) == ([0, 1], [0, 1])
    assert (recording.tokens, recording.token_names) == (("§ 1", "O rose"), ("§Ġ1", "OĠrose"))
    assert (recording.token_ids.tolist(), recording.token_text.tolist()) == ([7, 8], [0, 1])
    assert recording.expert_ids.tolist() == [[[[0, 1], [0, 1]]], [[[0, 2], [1, 3]]]]
    assert (recording.gate_weights == 0.5).all()
    assert recording.trace(1, 1).text == "O rose"
