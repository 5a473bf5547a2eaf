"""A trace says by which rule its own pass was routed, whatever is done to the model after it was attached."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from accelerate import cpu_offload

import moe_viz
from moe_viz.data.scores import gating_weights_from_scores, router_scores
from tests.invented import route
from tests.model.checks import same_choice
from tests.tiny_families import tiny_family
from tests.tiny_models import tiny_model, token_ids


def follows_its_own_record(trace):
    """Weights and choices of a trace, worked out again by a router of the tests from its logits and its sites alone."""
    for index, site in enumerate(trace.sites):
        logits = trace.router_logits[index, :, : site.num_experts]
        ids, weights = (part[index, :, : site.top_k] for part in (trace.expert_ids, trace.gate_weights))
        again = gating_weights_from_scores(router_scores(logits, site.scoring), ids, site.scoring)
        np.testing.assert_allclose(again, weights, rtol=1e-5, atol=1e-6)
        for token, row in enumerate(ids):
            chosen, _ = route(logits[token], site.top_k, site.scoring)
            assert same_choice(site, logits[token], set(row), set(chosen))


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("name", ["mixtral", "qwen3_moe", "gpt_oss", "llama4", "jetmoe", "olmoe", "gemma4"])
def test_top_k_is_what_it_is_in_the_pass(name, k):
    hf_model = tiny_family(name)
    with moe_viz.attach(hf_model) as model:
        before = model.trace(token_ids=token_ids())
        for place in (*hf_model.modules(), hf_model.config):
            for word in ("top_k", "num_experts_per_tok", "top_k_experts"):
                if hasattr(place, word):
                    setattr(place, word, k)
        trace = model.trace(token_ids=token_ids())
        assert [site.top_k for site in trace.sites] == [k] * len(trace.sites)
        assert ((trace.expert_ids >= 0).sum(axis=-1) == k).all()
        assert trace.expert_ids.shape[-1] == k
        assert before.sites[0].top_k == 2
        if trace.sites[0].scoring is not None:
            follows_its_own_record(trace)


def test_a_bias_is_what_it_is_in_the_pass():
    hf_model = tiny_model("deepseek_v3")
    with moe_viz.attach(hf_model) as model:
        gate = model.routers[0].router
        for change in (
            lambda bias: bias.copy_(torch.linspace(-2, 2, len(bias))),
            lambda bias: bias.data.mul_(-1),  # past autograd's count of changes, as trainers do it
            lambda bias: bias.zero_(),
        ):
            with torch.no_grad():
                change(gate.e_score_correction_bias)
            trace = model.trace(token_ids=token_ids())
            assert trace.sites[0].scoring.selection_bias == tuple(gate.e_score_correction_bias.tolist())
            follows_its_own_record(trace)


def test_a_bias_that_is_offloaded_is_read_where_it_waits():
    hf_model = tiny_model("deepseek_v3")
    with moe_viz.attach(hf_model) as model:
        expected = model.sites
        assert expected[0].scoring.selection_bias is not None
        cpu_offload(hf_model, execution_device=torch.device("cpu"), offload_buffers=True)
        assert model.trace(token_ids=token_ids()).sites == expected


@pytest.mark.parametrize(
    ("name", "attribute", "value"),
    [
        ("qwen3_moe", "norm_topk_prob", False),
        ("deepseek_v3", "norm_topk_prob", False),
        ("deepseek_v3", "routed_scaling_factor", 0.7),
        ("deepseek_v3", "topk_group", 2),
        ("longcat_flash", "routed_scaling_factor", 0.7),
    ],
)
def test_every_part_of_the_rule_is_what_it_is_in_the_pass(name, attribute, value):
    hf_model = tiny_family(name)
    with moe_viz.attach(hf_model) as model:
        before = model.trace(token_ids=token_ids()).sites
        changed = 0
        for router in model.routers:
            for place in router.rule.places:
                if hasattr(place, attribute):
                    changed += 1
                    setattr(place, attribute, value)
        assert changed
        trace = model.trace(token_ids=token_ids())
        assert trace.sites != before
        follows_its_own_record(trace)


def test_factors_of_the_experts_are_what_they_are_in_the_pass():
    hf_model = tiny_family("gemma4")
    with moe_viz.attach(hf_model) as model:
        with torch.no_grad():
            model.routers[0].router.per_expert_scale.mul_(2)
        trace = model.trace(token_ids=token_ids())
        assert trace.sites[0].scoring.expert_scale == tuple(model.routers[0].router.per_expert_scale.tolist())
        follows_its_own_record(trace)


def test_the_sites_of_an_unchanged_model_are_read_once():
    with moe_viz.attach(tiny_model("deepseek_v3")) as model:
        assert model.sites is model.sites


def test_a_scoring_that_failed_the_self_test_stays_away():
    hf_model = tiny_model("qwen3_moe")
    gate = hf_model.model.layers[0].mlp.gate
    own = type(gate).forward

    def doubled(hidden):
        logits, weights, ids = own(gate, hidden)
        return logits, 2 * weights, ids

    gate.forward = doubled
    with moe_viz.attach(hf_model) as model:
        assert not model.self_test.passed
        gate.norm_topk_prob = False
        assert model.trace(token_ids=token_ids()).sites[0].scoring is None


def test_a_text_is_not_continued_by_another_rule():
    hf_model = tiny_model("qwen3_moe")
    with moe_viz.attach(hf_model) as model:
        steps = model.generate(token_ids=token_ids(5), max_new_tokens=5)
        next(steps), next(steps)
        hf_model.model.layers[1].mlp.gate.top_k = 1
        with pytest.raises(moe_viz.ModelError, match=r"model\.layers\.1\.mlp: its routing rule was changed"):
            list(steps)
