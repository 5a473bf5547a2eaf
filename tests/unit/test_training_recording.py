"""A recording of training: checked when it is made, kept on disk, turned into tables."""

from dataclasses import fields, replace

import numpy as np
import pytest

from moe_viz import Provenance, RouterSite
from moe_viz.data.training_recording import TrainingRecording
from moe_viz.metrics.training import load_over_training, loss_over_training, routing_over_training


@pytest.fixture
def lapse() -> TrainingRecording:
    """Three frames of two domains with two texts each; one site of four experts, top-2.

    At first everything goes to experts 0 and 1, at the end each domain has its own two.
    """
    start, middle, end = [10, 10, 0, 0], [5, 5, 5, 5], {0: [10, 10, 0, 0], 1: [0, 0, 10, 10]}
    domains = (0, 0, 1, 1)
    counts = [[[start]] * 4, [[middle]] * 4, [[end[domain]] for domain in domains]]
    ids = np.array([[[[0, 1], [0, 1]]], [[[0, 2], [1, 3]]], [[[0, 1], [2, 3]]]])
    return TrainingRecording(
        provenance=Provenance("demo", None, "qwen3_moe", "float32", "cpu", "kept", (("torch", "2"),), "2026-01-01"),
        sites=(RouterSite("model.layers.0.mlp", 0, 4, 2),),
        balance=0.02,
        tokens_per_update=100,
        updates=np.array([0, 5, 9]),
        domains=("law", "verse"),
        losses=np.array([[9.0, 9], [5, 6], [2, 3]], dtype=np.float32),
        counts=np.array(counts, dtype=np.uint16),
        text_domain=np.array(domains, dtype=np.uint8),
        watched=np.array([0, 2], dtype=np.uint16),
        token_ids=np.array([7, 8], dtype=np.uint16),
        tokens=("§ 1", "O rose"),
        token_names=("§Ġ1", "OĠrose"),
        token_text=np.array([0, 2], dtype=np.uint16),
        expert_ids=ids.astype(np.uint8),
        gate_weights=np.full(ids.shape, 0.5, dtype=np.float16),
    )


def test_it_comes_back_from_disk(lapse, tmp_path):
    lapse.save(tmp_path / "x.moerecording")
    again = TrainingRecording.load(tmp_path / "x.moerecording")
    for field in fields(TrainingRecording):
        saved, read = getattr(lapse, field.name), getattr(again, field.name)
        assert type(read) is type(saved)
        assert np.array_equal(read, saved) if isinstance(saved, np.ndarray) else read == saved


def test_it_cannot_be_changed(lapse):
    with pytest.raises(ValueError, match="read-only"):
        lapse.counts[0] = 1


@pytest.mark.parametrize("name", ["updates", "losses", "text_domain", "token_ids", "token_text", "expert_ids"])
def test_what_does_not_belong_together_is_refused(lapse, name):
    with pytest.raises(ValueError, match=f"{name} has shape"):
        replace(lapse, **{name: getattr(lapse, name)[1:]})


def test_a_watched_text_at_a_moment_is_a_trace(lapse):
    trace = lapse.trace(1, 2)
    assert (trace.text, trace.token_ids.tolist()) == ("O rose", [8])
    assert trace.expert_ids.tolist() == [[[1, 3]]]
    assert trace.gate_weights.tolist() == [[[0.5, 0.5]]]
    assert trace.router_logits is None
    assert trace.provenance.notes[0].startswith("recorded after 5 updates")
    with pytest.raises(KeyError, match="text 1 was not watched"):
        lapse.trace(0, 1)


def test_routing_frame_by_frame(lapse):
    table = routing_over_training(lapse)
    assert table["tokens"].tolist() == [0, 500, 900]
    np.testing.assert_allclose(table["domain_information"], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(table["max_violation"], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(table["effective_experts"], [2, 4, 4])
    assert table["dead_experts"].tolist() == [2, 0, 0]
    # the last frame chose 0 1 and 2 3; before: 0 1 and 0 1 (half), then 0 2 and 1 3 (one of two, twice)
    assert table["router_saturation"].tolist() == [0.5, 0.5, 1]
    assert load_over_training(lapse)[-1, 0].tolist() == [0.25] * 4


def test_a_longer_domain_does_not_weigh_more(lapse):
    counts = lapse.counts.copy()
    counts[:, lapse.text_domain == 1] *= 50
    longer = routing_over_training(replace(lapse, counts=counts))
    np.testing.assert_allclose(longer["max_violation"], routing_over_training(lapse)["max_violation"], atol=1e-12)


def test_loss_frame_by_frame(lapse):
    table = loss_over_training(lapse)
    verse = table[table["domain"] == "verse"]
    assert verse["loss"].tolist() == [9, 6, 3]
    assert verse["updates"].tolist() == [0, 5, 9]
