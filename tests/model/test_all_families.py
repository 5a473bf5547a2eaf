"""Every family of transformers keeps one contract, and the table of families says no more than that."""

from __future__ import annotations

import dataclasses
import json
from importlib.metadata import version

import numpy as np
import pytest
import torch
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

import moe_viz
from moe_viz.model.routers import discover as discovery
from moe_viz.model.routers.families import Family, family_of
from moe_viz.model.routers.family_support import DATA, table
from tests.agreement import assert_agree
from tests.model import passes
from tests.model.checks import FAMILIES, TOKENS, check, check_model
from tests.tiny_families import tiny_family

RECORDED = json.loads(DATA.read_text(encoding="utf-8"))


@pytest.mark.parametrize("family", FAMILIES)
def test_what_the_table_says_is_proven(family):
    recorded = RECORDED["families"][family]
    proven = check(family)
    assert proven == {part: recorded[part] for part in proven}, "write it anew: python -m tests.model.checks"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_token_is_routed_the_same_however_it_is_read(family):
    recorded = RECORDED["families"][family]
    held = passes.check(family)
    assert held == {part: recorded[part] for part in held}, "write it anew: python -m tests.model.checks"


def test_the_table_names_every_family_and_the_version_that_it_holds_for():
    assert list(RECORDED["families"]) == FAMILIES
    assert RECORDED["transformers"] == version("transformers")
    printed = table()
    assert all(f"\n{family} " in printed for family in FAMILIES)


def test_every_record_is_of_a_model_type_of_transformers():
    known = {name.replace("-", "_").removesuffix("_text") for name in CONFIG_MAPPING}
    assert set(FAMILIES) - known == set()


@pytest.mark.parametrize(
    ("family", "own"),
    [
        ("cohere2_moe", {"expert_selection_fn": "sigmoid", "norm_topk_prob": False}),
        ("cohere2_moe", {"shared_expert_combination_strategy": "sum"}),
        ("cohere2_moe", {"num_shared_experts": 0}),
        ("deepseek_v2", {"topk_method": "greedy"}),
        ("deepseek_v3", {"n_group": 4, "topk_group": 2, "norm_topk_prob": False}),
        ("deepseek_v4", {"scoring_func": "sigmoid"}),
        ("inkling2", {"scoring_func": "sqrtsoftplus"}),
        ("laguna", {"moe_router_logit_softcapping": 2.0}),
        ("lfm2_moe", {"use_expert_bias": False}),
        ("phimoe", {"router_jitter_noise": 0.3}),
        ("qwen3_moe", {"norm_topk_prob": False}),
        ("step3p7", {"swiglu_limits": [0.5] * 4}),
        *((family, {"num_experts_per_tok": 1}) for family in ("glm4_moe", "minimax_m2", "llama4", "jetmoe", "olmoe")),
    ],
)
def test_what_a_config_leaves_open_is_read_from_it(family, own):
    check(family, **own)


@pytest.mark.parametrize(
    ("family", "wrong"),
    [
        ("beam", {"output_scale": None}),
        ("cohere2_moe", {"output_halved_if": None}),
        ("deepseek_v2", {"group_top": 2}),
        ("deepseek_v4", {"function": "sigmoid"}),
        ("deepseek_v4", {"id_table": None}),
        ("gemma4", {"expert_scale": None}),
        ("glm4_moe", {"groups": None}),
        ("glm4_moe", {"selection_bias": None}),
        ("inkling", {"shared_in_sum": False}),
        ("kolibri1", {"bias_on_logits": False}),
        ("openai_privacy_filter", {"divisor": None}),
        ("qwen3_vl_moe", {"normalized": False}),
    ],
)
def test_a_wrong_record_is_noticed(family, wrong, monkeypatch):
    record = family_of(family)
    monkeypatch.setattr(discovery, "family_of", lambda _type: dataclasses.replace(record, **wrong))
    with pytest.raises(AssertionError):
        check(family)


def test_a_family_that_is_not_recorded_is_captured_and_said_to_be_unknown(monkeypatch):
    with moe_viz.attach(tiny_family("exaone_moe")) as model:
        known = model.trace(token_ids=TOKENS)
    monkeypatch.setattr(discovery, "family_of", lambda _type: None)
    with moe_viz.attach(tiny_family("exaone_moe")) as model:
        trace = model.trace(token_ids=TOKENS)
    assert_agree(known, trace)
    assert all(site.scoring is None for site in trace.sites)
    assert trace.provenance.notes == (
        "exaone_moe is not a recorded family: choices and weights are as used, scores unknown.",
    )


@pytest.mark.parametrize(
    ("family", "note"),
    [
        ("axk1", "passes a norm"),
        ("beam", "multiplied by 1.5 after their gating weights"),
        ("cohere2_moe", "multiplied by 0.5 after their gating weights"),
        ("gemma4", "passes a norm"),
        ("laguna", "multiplied by 1.5 after their gating weights"),
        ("llama4", "multiplies the expert's input"),
        ("nllb_moe", "A fault in transformers"),
        ("openai_privacy_filter", "multiplied by 2 after their gating weights"),
    ],
)
def test_a_trace_says_where_its_weights_are_not_the_last_word(family, note):
    with moe_viz.attach(tiny_family(family)) as model:
        assert note in " ".join(model.provenance().notes)


def test_an_expert_outside_the_best_group_is_taken_where_it_counts_for_more():
    """Which one of them is up to torch: all count 0."""
    hf_model = tiny_family("axk2", n_group=4)
    for layer in hf_model.model.layers[1:]:
        layer.mlp.gate.e_score_correction_bias.copy_(torch.tensor([1.0, -1.0] * 4))
    with moe_viz.attach(hf_model) as model:
        ids = model.trace(token_ids=TOKENS).expert_ids
        assert all(site.scoring.outside_groups == 0 for site in model.sites)
    assert (ids[..., 0] // 2 != ids[..., 1] // 2).all()


def test_a_token_that_skips_the_experts_has_none():
    hf_model = tiny_family("zaya")
    with moe_viz.attach(hf_model) as model:
        bias = model.routers[0].router.balancing_biases.zero_()
        logits = torch.tensor(model.trace(token_ids=TOKENS).router_logits[0])
        scores = logits.softmax(dim=-1)
        short = (scores[:, :-1].amax(dim=-1) - scores[:, -1]).sort().values
        bias[-1] = short[7:9].mean()  # so that about half of the tokens skip, and none is at a tie
    check_model("zaya", hf_model)
    with moe_viz.attach(hf_model) as model:
        skipped = model.trace(token_ids=TOKENS).expert_ids[0] == moe_viz.NO_EXPERT
    assert 0 < skipped.sum() < len(TOKENS)


def test_an_identity_has_a_number_after_those_of_the_experts():
    with moe_viz.attach(tiny_family("longcat_flash")) as model:
        trace = model.trace(token_ids=TOKENS)
        identities = model.sites[0].num_experts - model.sites[0].zero_experts
    assert identities == 8
    assert (trace.expert_ids >= identities).any()


def test_layers_may_differ_in_k():
    with moe_viz.attach(tiny_family("hunyuan_v1_moe")) as model:
        trace = model.trace(token_ids=TOKENS)
    assert [site.top_k for site in trace.sites] == [1, 2, 3, 2]
    assert ((trace.expert_ids >= 0).sum(axis=-1) == np.array([1, 2, 3, 2])[:, None]).all()


def test_a_model_without_a_vocabulary_to_predict_has_no_next_tokens():
    with moe_viz.attach(tiny_family("openai_privacy_filter")) as model:
        assert model.trace(token_ids=TOKENS).next_tokens is None


def test_a_text_tower_has_the_record_of_its_family():
    assert family_of("gemma4_text") == family_of("gemma4")
    assert family_of("inkling_mm_model") == family_of("inkling")
    assert family_of("step3p5") == family_of("step3p7")
    assert family_of("minimax_of_tomorrow") is None
    assert isinstance(family_of("nllb-moe"), Family)
