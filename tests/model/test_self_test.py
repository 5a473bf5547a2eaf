"""The self-test passes where a record is right, and fails, at that router alone, where it is wrong."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import moe_viz
from moe_viz.data.router_site import Scoring
from moe_viz.data.scores import router_scores, site_scores
from moe_viz.demo import FOLDER as DEMO
from moe_viz.model.routers import discover as discovery
from moe_viz.model.routers import self_test
from moe_viz.model.routers.families import family_of
from moe_viz.model.running import attach as attaching
from tests.invented import route
from tests.model.checks import FAMILIES
from tests.tiny_families import tiny_family
from tests.tiny_models import tiny_model, token_ids

BIAS = (0.5, 0.5, -0.5, 0.5, 0.0, 0.0, 0.25, 0.25)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_passes(family, dtype):
    if (family, dtype) == ("inkling2", torch.bfloat16):
        pytest.skip("its router stays in float32, which a plain conversion does not heed")
    with moe_viz.attach(tiny_family(family).to(dtype)) as model:
        outcome, sites = model.self_test, model.sites
    assert outcome.passed, outcome.sentence
    assert (outcome.sites, outcome.scored) == (len(sites), 0 if family in ("nllb_moe", "phimoe") else len(sites))


def test_the_bundled_model_passes():
    with moe_viz.load("demo") as model:
        assert model.self_test.sentence.startswith("The self-test passed: 16 tokens were read once at each of 6 rout")
        assert model.provenance().notes == ()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("family", "wrong"),
    [
        ("deepseek_v2", {"group_top": 2}),
        ("deepseek_v4", {"function": "sigmoid"}),
        ("deepseek_v4", {"id_table": None}),
        ("gemma4", {"expert_scale": None}),
        ("glm4_moe", {"groups": None}),
        ("glm4_moe", {"scale": None}),
        ("glm4_moe", {"selection_bias": None}),
        ("gpt_oss", {"normalized": False}),
        ("inkling", {"shared_in_sum": False}),
        ("kolibri1", {"bias_on_logits": False}),
        ("openai_privacy_filter", {"divisor": None}),
        ("olmoe", {"function": "sigmoid"}),
        ("olmoe", {"normalized": True}),
        ("olmoe", {"logits_index": 1}),
        ("qwen3_vl_moe", {"normalized": False}),
    ],
)
def test_a_wrong_record_fails_and_its_scores_are_not_shown(family, wrong, dtype, monkeypatch):
    record = dataclasses.replace(family_of(family), **wrong)
    monkeypatch.setattr(discovery, "family_of", lambda _type: record)
    options = {"norm_topk_prob": False} if family == "olmoe" else {}
    with moe_viz.attach(tiny_family(family, **options).to(dtype)) as model:
        outcome = model.self_test
        assert not outcome.passed
        if outcome.stopped is None:
            failed = {failure.site for failure in outcome.failures}
            assert {site.name for site in model.sites if site.scoring is None} == failed
        assert outcome.sentence in model.provenance().notes


def test_only_the_router_that_fails_loses_its_scores_and_all_else_is_as_used():
    hf_model = tiny_model("mixtral")
    hf_model.model.layers[1].mlp.experts.register_forward_pre_hook(lambda _module, args: (*args[:2], 2 * args[2]))
    with moe_viz.attach(hf_model) as model:
        trace = model.trace(token_ids=token_ids())
        assert [failure.site for failure in model.self_test.failures] == ["model.layers.1.mlp"]
    assert [site.scoring is None for site in trace.sites] == [False, True, False]
    assert [site_scores(trace, index) is None for index in range(3)] == [False, True, False]
    np.testing.assert_allclose(trace.gate_weights[1].sum(axis=-1), 2, rtol=1e-6)
    note = trace.provenance.notes[-1]
    assert note.startswith("The self-test failed at 1 of 3 routers (model.layers.1.mlp: 16 of 16 tokens have other")


def test_an_expert_chosen_twice_is_noticed():
    def twice(_module, args):
        hidden, ids, weights = args
        return hidden, ids[:, :1].expand_as(ids), weights

    hf_model = tiny_model("mixtral")
    hf_model.model.layers[0].mlp.experts.register_forward_pre_hook(twice)
    with moe_viz.attach(hf_model) as model:
        (failure,) = model.self_test.failures
    assert (failure.site, failure.said) == ("model.layers.0.mlp", "16 of 16 tokens chose an expert twice")


def test_a_router_that_is_run_past_stops_it():
    hf_model = tiny_model("mixtral")
    hf_model.model.layers[1].mlp.forward = lambda hidden: hidden
    with moe_viz.attach(hf_model) as model:
        assert not model.self_test.passed
        assert "model.layers.1.mlp: its router was read 0 times" in model.self_test.stopped
        assert model.self_test.sentence in model.provenance().notes


def test_the_routers_of_a_model_without_weights_are_known_though_it_cannot_be_attached():
    built = tiny_model("olmoe").to("meta")
    assert all(router.site.scoring is not None for router in discovery.discover(built))
    with pytest.raises(moe_viz.ModelError, match="has no values"):
        moe_viz.attach(built)


@pytest.mark.parametrize(
    "scoring",
    [
        Scoring("softmax", normalized=True),
        Scoring("sigmoid", normalized=True, selection_bias=BIAS),
        Scoring("sigmoid", normalized=True, selection_bias=BIAS, bias_on_logits=True),
        Scoring("sigmoid", normalized=True, groups=4, groups_kept=2),
        Scoring("softmax", normalized=False, groups=2, groups_kept=1, group_top=1),
        Scoring("sigmoid", normalized=True, groups=4, groups_kept=2, outside_groups=0.0, selection_bias=BIAS),
    ],
)
def test_a_choice_between_near_equals_is_free_and_no_other(scoring):
    """Logits of a few values, so that experts and groups tie; the choice is made with a little noise."""
    rng = np.random.default_rng(0)
    worse = 0
    for _ in range(200):
        logits = rng.choice([-1.0, 0.0, 1.0], 8)
        ids, _weights = route(logits + rng.normal(scale=1e-6, size=8), 3, scoring)
        scores = router_scores(logits[None], scoring)
        assert self_test._better_left_out(scores, np.array([ids], dtype=np.int16), scoring, 1e-4) == 0
        others = rng.permutation(np.setdiff1d(np.arange(8), ids))[:3]
        worse += self_test._better_left_out(scores, others[None].astype(np.int16), scoring, 1e-4)
    assert worse > 50


def test_what_is_divided_by_next_to_nothing_proves_nothing():
    """ERNIE's bias can choose experts of no score, and its sum is then the least that it divides by."""
    hf_model = tiny_family("ernie4_5_moe")
    with torch.no_grad():
        for layer in hf_model.model.layers[1:]:
            layer.mlp.gate.weight.mul_(10)
            layer.mlp.gate.moe_statics.e_score_correction_bias.mul_(10)
    with moe_viz.attach(hf_model) as model:
        assert model.self_test.passed, model.self_test.sentence


def test_a_weight_that_is_no_number_is_noticed():
    hf_model = tiny_model("mixtral")
    hf_model.model.layers[0].mlp.experts.register_forward_pre_hook(
        lambda _module, args: (*args[:2], args[2] * float("nan"))
    )
    with moe_viz.attach(hf_model) as model:
        assert "a gating weight is not finite" in model.self_test.sentence


def test_the_tokens_are_ordinary_ones(monkeypatch):
    read = []
    original = attaching.forward_pass

    def keep(hf_model, capture, rows, **inputs):
        read.append(rows["decoder"].ids[0].tolist())
        return original(hf_model, capture, rows, **inputs)

    monkeypatch.setattr(attaching, "forward_pass", keep)
    for _ in range(2):
        moe_viz.attach(tiny_model("mixtral")).close()
    loaded = moe_viz.load(str(DEMO))
    assert read[0] == read[1]
    assert all(len(set(ids)) == 16 for ids in read)
    assert not set(read[0]) & {0, 1, 2}
    assert not set(read[2]) & set(loaded.tokenizer.all_special_ids)
    assert max(read[2]) < len(loaded.tokenizer)
