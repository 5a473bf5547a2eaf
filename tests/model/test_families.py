"""The contract that every recorded family keeps, on tiny random models."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import moe_viz
from moe_viz.data.scores import gating_weights_from_scores, margin, router_scores
from moe_viz.model.routers.families import family_of
from tests.invented import route
from tests.model.checks import same_choice
from tests.model.recompute import block_output, raw
from tests.tiny_models import CONFIGS, tiny_model, token_ids


@pytest.fixture(scope="module", params=CONFIGS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def model(name):
    with moe_viz.attach(tiny_model(name)) as attached:
        yield attached


@pytest.fixture(scope="module")
def traces(model):
    stacks = {"decoder_token_ids": token_ids(9, seed=2)} if model.hf_model.config.is_encoder_decoder else {}
    return model.trace_stacks(token_ids=token_ids(), **stacks)


def forward(model, ids):
    inputs = {"input_ids": torch.tensor([ids])}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = torch.tensor([token_ids(9, seed=2)])
    with torch.inference_mode():
        return model(**inputs, use_cache=False).logits


def test_every_moe_layer_of_the_config_is_found(name, model):
    config = model.hf_model.config
    expected = {
        "deepseek_v3": [1, 2],
        "switch_transformers": [1, 3, 1, 3],
    }.get(name, list(range(config.num_hidden_layers)))
    assert [site.layer for site in model.sites] == expected


def test_the_family_is_recorded(model, traces):
    assert family_of(model.hf_model.config.model_type) is not None
    assert all(site.scoring is not None for trace in traces for site in trace.sites)


def test_captured_choices_and_weights_reproduce_each_block_from_raw_weights(name, model, traces):
    family = model.hf_model.config.model_type
    blocks = {site.name: model.hf_model.get_submodule(site.name) for site in model.sites}
    seen: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def keep(site_name):
        def hook(_module, args, output):
            output = output[0] if isinstance(output, tuple) else output
            width = args[0].shape[-1]
            seen[site_name] = raw(args[0].reshape(-1, width)), raw(output.reshape(-1, width))

        return hook

    handles = [block.register_forward_hook(keep(site_name)) for site_name, block in blocks.items()]
    forward(model.hf_model, token_ids())
    for handle in handles:
        handle.remove()
    for trace in traces:
        for index, site in enumerate(trace.sites):
            x, output = seen[site.name]
            again = block_output(blocks[site.name], family, x, trace.expert_ids[index], trace.gate_weights[index])
            assert np.abs(again - output).max() <= 1e-5 * np.abs(output).max()


def test_router_logits_scored_as_recorded_give_the_captured_weights(traces):
    for trace in traces:
        for index, site in enumerate(trace.sites):
            scores = router_scores(trace.router_logits[index], site.scoring)
            weights = gating_weights_from_scores(scores, trace.expert_ids[index], site.scoring)
            np.testing.assert_allclose(weights, trace.gate_weights[index], rtol=2e-6, atol=1e-7)


def test_router_logits_come_from_the_routers_own_weights(model, traces):
    seen = {}

    def keep(site_name):
        return lambda _module, args: seen.update({site_name: raw(args[0].reshape(-1, args[0].shape[-1]))})

    modules = {router.site.name: router.router for router in model.routers}
    handles = [module.register_forward_pre_hook(keep(site_name)) for site_name, module in modules.items()]
    forward(model.hf_model, token_ids())
    for handle in handles:
        handle.remove()
    for trace in traces:
        for index, site in enumerate(trace.sites):
            module = modules[site.name]
            logits = seen[site.name] @ raw(getattr(module, "classifier", module).weight).T
            if getattr(module, "bias", None) is not None:
                logits += raw(module.bias)
            np.testing.assert_allclose(logits, trace.router_logits[index], rtol=1e-4, atol=1e-5)


def test_choices_are_the_best_by_the_recorded_scores(traces):
    for trace in traces:
        gaps = margin(trace)
        for index, site in enumerate(trace.sites):
            if site.scoring.groups == 1:
                known = gaps[index][~np.isnan(gaps[index])]
                assert len(known)
                assert (known >= -1e-6).all()  # below 0 where rounding decided


def test_the_recorded_rule_makes_the_same_choice(traces):
    """An independent router, following the record alone, chooses the same experts from the logits."""
    for trace in traces:
        for index, site in enumerate(trace.sites):
            for token, ids in enumerate(trace.expert_ids[index]):
                logits = trace.router_logits[index, token, : site.num_experts]
                chosen, _ = route(logits, site.top_k, site.scoring)
                if (ids >= 0).all():
                    assert same_choice(site, logits, set(ids), set(chosen))
                else:
                    assert set(ids[ids >= 0]) <= set(chosen)


def test_group_limits_forbid_better_choices_and_are_kept():
    with moe_viz.attach(tiny_model("deepseek_v3")) as model:
        trace = model.trace(token_ids=token_ids(60))
    assert np.nanmin(margin(trace)) < 0, "no token met the limit: the test shows nothing"
    for ids, site in zip(trace.expert_ids, trace.sites, strict=True):
        size = site.num_experts // site.scoring.groups
        assert all(len(set(row // size)) <= site.scoring.groups_kept for row in ids)


def test_weights_sum_to_the_scale_where_the_family_normalises(traces):
    for trace in traces:
        for index, site in enumerate(trace.sites):
            sums = trace.gate_weights[index].sum(axis=-1)
            if site.scoring.normalized:
                np.testing.assert_allclose(sums, site.scoring.scale, rtol=1e-5)
            elif site.top_k < site.num_experts:
                assert (sums < 1).all()


def test_experts_are_in_range_and_distinct(traces):
    for trace in traces:
        for ids, site in zip(trace.expert_ids, trace.sites, strict=True):
            assert ids.max() < site.num_experts
            for row in ids:
                taken = row[row >= 0]
                assert len(set(taken)) == len(taken)


def test_listening_changes_no_bit_of_the_output(name):
    hf_model = tiny_model(name)
    plain = forward(hf_model, token_ids())
    with moe_viz.attach(hf_model) as model:
        assert torch.equal(forward(hf_model, token_ids()), plain)
        with model._capture.recording():
            assert torch.equal(forward(hf_model, token_ids()), plain)


def test_the_same_text_gives_the_same_trace(model, traces):
    again = model.trace(token_ids=token_ids())
    assert again.expert_ids.tobytes() == traces[0].expert_ids.tobytes()
    assert again.gate_weights.tobytes() == traces[0].gate_weights.tobytes()


def test_next_tokens_are_the_softmax_of_the_models_own_logits(model, traces):
    decoder = traces[-1]
    logits = raw(forward(model.hf_model, token_ids())[0])
    exact = np.exp(logits - logits.max(axis=-1, keepdims=True))
    exact /= exact.sum(axis=-1, keepdims=True)
    following = decoder.next_tokens
    np.testing.assert_array_equal(following.token_ids[:, 0], exact.argmax(axis=-1))
    picked = np.take_along_axis(exact, following.token_ids.astype(int), axis=-1)
    np.testing.assert_allclose(following.probabilities, picked, rtol=1e-4)
    assert (np.diff(following.probabilities, axis=-1) <= 0).all()


def test_tokens_over_capacity_are_shown_as_dropped():
    with moe_viz.attach(tiny_model("switch_transformers")) as model:
        trace = model.trace(token_ids=[7] * 12)  # the same token: all want the same expert
    ids = trace.expert_ids[0, :, 0]
    assert (ids >= 0).sum() == model.hf_model.config.expert_capacity
    assert (trace.gate_weights[0, ids < 0] == 0).all()


def test_what_is_recorded_is_what_the_experts_compute_with_after_any_hook():
    with moe_viz.attach(tiny_model("mixtral")) as model:
        plain = model.trace(token_ids=token_ids())

        def reverse(_module, args):
            hidden, ids, weights = args
            return hidden, 7 - ids, weights

        handle = model.routers[1].experts.register_forward_pre_hook(reverse)
        changed = model.trace(token_ids=token_ids())
        handle.remove()
    np.testing.assert_array_equal(changed.expert_ids[1], 7 - plain.expert_ids[1])


def test_a_forward_that_another_library_replaced_is_put_back():
    hf_model = tiny_model("mixtral")
    experts = hf_model.model.layers[0].mlp.experts
    theirs = experts.forward = type(experts).forward.__get__(experts)
    model = moe_viz.attach(hf_model)
    assert len(model.trace(token_ids=token_ids())) == 17
    model.close()
    assert vars(experts)["forward"] is theirs


def test_a_router_that_is_run_past_is_noticed():
    """As a fused kernel does it: the block computes without calling its router's module."""
    with moe_viz.attach(tiny_model("mixtral")) as model:
        block = model.hf_model.model.layers[1].mlp
        block.forward = lambda hidden: hidden
        with pytest.raises(moe_viz.CaptureError, match=r"model\.layers\.1\.mlp: its router was read 0 times"):
            model.trace(token_ids=token_ids())


def test_a_compiled_model_is_refused_and_the_one_within_it_is_not():
    compiled = torch.compile(tiny_model("mixtral"))
    with pytest.raises(moe_viz.ModelError, match=r"torch\.compile"):
        moe_viz.attach(compiled)
    with moe_viz.attach(compiled._orig_mod) as model:
        assert len(model.trace(token_ids=token_ids())) == 17
