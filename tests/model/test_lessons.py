"""What the lessons work with, against the model itself."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

import moe_viz
from moe_viz.catalogue import find_model, known_models
from moe_viz.data.scores import margin
from moe_viz.lessons import designs, one_token, sizes
from moe_viz.lessons.bundled import expert_output, router_weight
from moe_viz.metrics.topology import topology_table
from moe_viz.model.experts.router_inputs import router_inputs
from moe_viz.model.info import architecture


@pytest.fixture(scope="module")
def model():
    with moe_viz.load("demo") as loaded:
        yield loaded


@pytest.fixture(scope="module")
def trace(model):
    return model.trace(one_token.TEXT)


def test_the_recorded_sentence_is_what_the_model_reads(model, trace):
    recorded = one_token.sentence()
    assert recorded.tokens == trace.tokens
    assert np.abs(recorded.hidden - router_inputs(model, one_token.TEXT)).max() < 1e-4


def test_every_step_is_the_models_own(trace):
    assert margin(trace).min() > 1e-4, "rounding could decide a choice"
    for layer in range(len(trace.sites)):
        for token in range(len(trace)):
            done = one_token.steps(layer, token, 2)
            assert np.abs(done.logits - trace.router_logits[layer, token]).max() < 1e-3
            assert done.chosen.tolist() == trace.expert_ids[layer, token].tolist()
            assert done.weights == pytest.approx(trace.gate_weights[layer, token], abs=1e-4)


def test_the_weighted_sum_is_what_the_layer_gives(model):
    given = {}
    blocks = [model.hf_model.get_submodule(router.site.name) for router in model.routers]
    hooks = [b.register_forward_hook(lambda b, _args, out: given.update({blocks.index(b): out})) for b in blocks]
    model.trace(one_token.TEXT)
    for hook in hooks:
        hook.remove()
    for layer, out in given.items():
        whole = (out[0] if isinstance(out, tuple) else out).reshape(-1, 192).float().numpy()
        for token in (0, 7, 16):
            assert np.abs(one_token.steps(layer, token, 2).total - whole[token]).max() < 1e-3 * np.abs(whole).max()


def test_weights_are_read_as_torch_reads_them(model):
    state = model.hf_model.state_dict()
    gate = next(value for name, value in state.items() if name.endswith("layers.4.mlp.gate.weight"))
    assert torch.equal(torch.from_numpy(router_weight(4).copy()), gate.float())
    assert expert_output(4, 3, np.zeros(192, dtype=np.float32)).tolist() == [0.0] * 192


def test_recorded_sizes_are_what_is_counted_now():
    counted = {m.name: sizes.Sizes(**sizes.counted(m.config)) for m in known_models() if m.kind == "moe" and m.config}
    assert dict(sizes.known_sizes()) == counted


@pytest.mark.parametrize("name", list(sizes.known_sizes()))
def test_totals_follow_from_the_parts(name):
    count = moe_viz.count_parameters(find_model(name).config)
    assert (sizes.known_sizes()[name].total, sizes.known_sizes()[name].active) == (count.total, count.active)
    assert {(b.experts, b.zero_experts, b.top_k) for b in count.blocks} == {
        (count.blocks[0].experts, count.blocks[0].zero_experts, count.blocks[0].top_k)
    }


@pytest.mark.parametrize(
    ("name", "experts", "top_k", "width"),
    [
        ("Mixtral 8x7B", "num_local_experts", "num_experts_per_tok", "intermediate_size"),
        ("OLMoE-1B-7B", "num_experts", "num_experts_per_tok", "intermediate_size"),
        ("gpt-oss-20b", "num_local_experts", "num_experts_per_tok", None),
        ("DeepSeek-V3", "n_routed_experts", "num_experts_per_tok", "moe_intermediate_size"),
    ],
)
def test_a_model_with_other_experts_has_what_its_configuration_would_have(name, experts, top_k, width):
    config = dict(find_model(name).config)
    other = config | {experts: 2 * config[experts], top_k: 3}
    known = sizes.known_sizes()[name]
    shared = 1 if width is None else 2
    changed = known.changed(2 * known.experts, 3, shared)
    if width is not None:
        other[width] = shared * config[width]
    count = moe_viz.count_parameters(other)
    beside = count.shared - known.shared  # a shared expert of DeepSeek-V3 is as wide as a routed one
    assert changed.total == count.total - beside
    assert changed.active == count.active - beside


def test_recorded_designs_are_what_is_built_now():
    configs = {name: find_model(name).config for name in sizes.known_sizes()}
    configs |= {name: {"model_type": name} for name in designs.hash_families()}
    built = {name: designs.built_now(config) for name, config in configs.items()}
    assert json.loads(designs.FILE.read_text()) == built


@pytest.mark.parametrize("name", ["Switch-Base-8", "JetMoE-8B", "DeepSeek-V3"])
def test_recorded_layers_are_the_whole_table(name):
    built = architecture(find_model(name).config)
    table = topology_table(built.sites, built.biased, built.count.stacks)
    recorded = designs.known_designs()[name].layers[list(table)]
    pd.testing.assert_frame_equal(recorded, table, check_dtype=False)
