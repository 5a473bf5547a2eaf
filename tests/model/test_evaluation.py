"""A trace is of the model in evaluation, and leaves the model in the mode that it was in."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from transformers import MixtralConfig, MixtralForCausalLM

import moe_viz
from moe_viz.model.experts.expert_outputs import OutputReader
from tests.tiny_families import tiny_family
from tests.tiny_models import _COMMON, tiny_model, token_ids


@pytest.fixture
def noisy():
    """A model whose routers and attention add noise in training."""
    torch.manual_seed(0)
    config = MixtralConfig(
        **_COMMON, num_local_experts=8, num_experts_per_tok=2, router_jitter_noise=0.3, attention_dropout=0.3
    )
    return MixtralForCausalLM(config)


def modes(model):
    return {name: module.training for name, module in model.named_modules()}


def test_a_model_in_training_is_traced_without_noise_and_trains_on(noisy):
    quiet = moe_viz.attach(noisy.eval()).trace(token_ids=token_ids())
    noisy.train()
    noisy.model.layers[1].eval()
    before = modes(noisy)
    with moe_viz.attach(noisy) as model:
        assert modes(noisy) == before
        assert model.self_test.passed
        for _ in range(2):
            trace = model.trace(token_ids=token_ids())
            assert trace.router_logits.tobytes() == quiet.router_logits.tobytes()
            assert modes(noisy) == before
        noisy.gradient_checkpointing_enable()  # without a cache in training
        *_, continued = model.generate(token_ids=token_ids(), max_new_tokens=3)
        assert len(continued) == 20
        assert modes(noisy) == before
    assert modes(noisy) == before


def test_one_module_in_training_is_enough_for_noise(noisy):
    """As an adapter is that was set on a model in evaluation."""
    with moe_viz.attach(noisy.eval()) as model:
        quiet = model.trace(token_ids=token_ids())
        noisy.model.layers[0].mlp.train()
        assert model.trace(token_ids=token_ids()).router_logits.tobytes() == quiet.router_logits.tobytes()
        assert noisy.model.layers[0].mlp.training
        assert not noisy.training


def test_the_mode_is_put_back_after_a_failure(noisy):
    noisy.train()
    with moe_viz.attach(noisy) as model:
        noisy.model.layers[1].self_attn.forward = None
        with pytest.raises(TypeError):
            model.trace(token_ids=token_ids())
    assert all(modes(noisy).values())


def test_passes_of_two_threads_put_the_mode_back_once_both_are_done(noisy):
    quiet = moe_viz.attach(noisy.eval()).trace(token_ids=token_ids())
    noisy.train()
    with moe_viz.attach(noisy) as model:
        within, done = threading.Event(), threading.Event()

        def waits(*_):
            if threading.current_thread() is thread:
                within.set()
                done.wait(10)

        handle = noisy.model.layers[0].register_forward_pre_hook(waits)
        traces = []
        thread = threading.Thread(target=lambda: traces.append(model.trace(token_ids=token_ids())))
        thread.start()
        assert within.wait(10)
        traces.append(model.trace(token_ids=token_ids()))
        assert not any(modes(noisy).values())
        done.set()
        thread.join()
        handle.remove()
        assert all(modes(noisy).values())
    assert {trace.router_logits.tobytes() for trace in traces} == {quiet.router_logits.tobytes()}


def test_a_mode_that_cannot_be_had_is_said():
    hf_model = tiny_model("mixtral")
    norm = hf_model.model.norm

    class AlwaysTraining(type(norm)):
        training = property(lambda _self: True, lambda _self, _mode: None)

    norm.__class__ = AlwaysTraining
    model = moe_viz.attach(hf_model)
    assert not model.self_test.passed
    with pytest.raises(moe_viz.ModelError, match="cannot be read in evaluation: its AlwaysTraining"):
        model.trace(token_ids=token_ids())


def test_what_experts_write_is_read_in_evaluation_too():
    hf_model = tiny_model("mixtral")
    expected = OutputReader(moe_viz.attach(hf_model))
    hf_model.train()
    reader = OutputReader(moe_viz.attach(hf_model))
    assert reader._attribution.scales == expected._attribution.scales
    tokens = moe_viz.attach(hf_model).tokenize(token_ids=token_ids())
    modes_seen = []
    hf_model.model.layers[0].register_forward_pre_hook(lambda module, _: modes_seen.append(module.training))
    reader.read(tokens)
    assert modes_seen == [False]
    assert hf_model.training


def test_an_encoder_reads_in_evaluation():
    hf_model = tiny_family("switch_transformers")
    with moe_viz.attach(hf_model) as model:
        *_, quiet = model.generate(token_ids=token_ids(), max_new_tokens=2)
        hf_model.train()
        hf_model.encoder.dropout.p = 0.5
        *_, trace = model.generate(token_ids=token_ids(), max_new_tokens=2)
        assert hf_model.encoder.training
    np.testing.assert_array_equal(trace.router_logits, quiet.router_logits)
