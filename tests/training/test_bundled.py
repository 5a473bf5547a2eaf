"""The files in `moe_viz/demo/` belong together."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import moe_viz
from moe_viz.data.training_recording import TrainingRecording
from moe_viz.metrics.domains import domain_information
from moe_viz.metrics.training import routing_over_training
from moe_viz.model.running.moe_model import MoEModel
from moe_viz.probes import TITLES, probe_texts
from training.architecture import BUNDLED
from training.card import card
from training.export import load_exported
from training.sources import SOURCES

DEMO = Path(__file__).parents[2] / "moe_viz" / "demo"


@pytest.fixture(scope="module")
def evaluation() -> dict[str, Any]:
    return json.loads((DEMO / "evaluation.json").read_text(encoding="utf-8"))


def test_the_evaluation_is_of_these_weights(evaluation):
    weights = (DEMO / "model.safetensors").read_bytes()
    assert evaluation["weights_sha256"] == hashlib.sha256(weights).hexdigest()
    assert len(weights) < 48_000_000


def test_the_evaluation_describes_this_model(evaluation):
    _, description = load_exported(DEMO)
    assert {name: evaluation[name] for name in description} == description
    assert (BUNDLED.layers, BUNDLED.experts) == (
        description["model"]["layers"],
        description["model"]["experts"],
    )


def test_training_was_finished(evaluation):
    assert evaluation["training"]["steps"] == evaluation["training"]["recipe"]["steps"]


def test_the_card_is_made_from_the_evaluation(evaluation):
    assert (DEMO / "README.md").read_text(encoding="utf-8") == card(evaluation)


def test_every_domain_has_a_source(evaluation):
    assert {source.domain for source in SOURCES} == set(evaluation["domains"])


@pytest.fixture(scope="module")
def model() -> MoEModel:
    return moe_viz.load("demo")


@pytest.fixture(scope="module")
def balanced() -> TrainingRecording:
    return TrainingRecording.load(DEMO / "training_recordings" / "balanced.moerecording")


@pytest.fixture(scope="module")
def unbalanced() -> TrainingRecording:
    return TrainingRecording.load(DEMO / "training_recordings" / "unbalanced.moerecording")


@pytest.mark.parametrize("domain", TITLES)
def test_the_probe_texts_loss_is_the_cards(model, evaluation, domain):
    losses = []
    for text in probe_texts()[domain]:
        ids = model.tokenizer(text, return_tensors="pt").input_ids.to(model.hf_model.device)
        with torch.no_grad():
            losses.append((model.hf_model(ids, labels=ids).loss.item(), ids.shape[1] - 1))
    mean = np.average([loss for loss, _ in losses], weights=[tokens for _, tokens in losses])
    assert mean == pytest.approx(evaluation["domains"][domain]["probe_loss_nats_per_token"], abs=2e-3)


def test_the_last_frame_of_the_recording_is_a_fresh_trace_of_the_model(model, balanced):
    texts = [text for domain in balanced.domains for text in probe_texts()[domain]]
    different = total = 0
    for index in balanced.watched:
        trace = model.trace(texts[index])
        recorded = balanced.trace(-1, index)
        assert (recorded.tokens, recorded.token_names) == (trace.tokens, trace.token_names)
        assert (recorded.token_ids == trace.token_ids).all()
        assert recorded.sites == trace.sites
        ids, weights = recorded.expert_ids, recorded.gate_weights
        same = ids == trace.expert_ids
        different += (~same).sum()
        total += same.size
        np.testing.assert_allclose(weights[same], trace.gate_weights[same], atol=2e-3)
    assert different <= total / 10_000  # ties that rounding decides


def test_the_last_counts_of_the_recording_are_fresh_traces_too(model, balanced):
    texts = [text for domain in balanced.domains for text in probe_texts()[domain]]
    for index in range(0, len(texts), 40):
        trace = model.trace(texts[index])
        experts = balanced.counts.shape[-1]
        counts = [np.bincount(ids.ravel(), minlength=experts) for ids in trace.expert_ids]
        assert np.abs(counts - balanced.counts[-1, index].astype(int)).sum() <= 2


def test_both_recordings_start_alike_and_without_balancing_routing_collapses(balanced, unbalanced):
    assert (balanced.balance > 0, unbalanced.balance) == (True, 0)
    assert (balanced.expert_ids[0] == unbalanced.expert_ids[0]).all()
    assert len(balanced.updates) >= 12
    assert set(unbalanced.updates) <= set(balanced.updates)
    with_it, without = (routing_over_training(lapse) for lapse in (balanced, unbalanced))
    last = without["updates"].max()
    same_moment = with_it[with_it["updates"] == last]
    collapsed = without[without["updates"] == last]
    assert (collapsed["max_violation"].to_numpy() > same_moment["max_violation"].to_numpy()).all()
    assert collapsed["effective_experts"].mean() < 0.7 * same_moment["effective_experts"].mean()


def test_the_recordings_are_small():
    assert sum(path.stat().st_size for path in (DEMO / "training_recordings").iterdir()) < 6_000_000


def test_domains_can_be_told_from_the_experts_on_the_probe_texts(balanced, evaluation):
    """Within half of the figure for held-out documents, recomputed from the recording's last frame."""
    frame = balanced.counts[-1].astype(float)
    by_domain = np.stack([frame[balanced.text_domain == d].sum(axis=0) for d in range(len(balanced.domains))])
    probes = domain_information(by_domain).mean()
    held_out = evaluation["mean_domain_information"]["value"]
    assert 0.5 * held_out < probes < 1.5 * held_out
