"""How a model is built, told by its config alone, is how the model that has its weights is built."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import LlamaConfig, PreTrainedTokenizerFast

import moe_viz
from moe_viz.catalogue import find_model, known_models
from moe_viz.model.info import architecture, model_info
from moe_viz.model.routers.family_support import proven
from tests.tiny_models import CONFIGS, tiny_model

DENSE = LlamaConfig(
    vocab_size=50, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2, head_dim=8
)


def without_bias(sites):
    """Sites as a model without weights knows them."""
    return tuple(
        site if site.scoring is None else dataclasses.replace(site, scoring=_unbiased(site.scoring)) for site in sites
    )


def _unbiased(scoring):
    return dataclasses.replace(scoring, selection_bias=None, expert_scale=None)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_alone_tells_what_the_loaded_model_tells(name):
    model = tiny_model(name)
    with moe_viz.attach(model) as attached:
        info = model_info(attached)
    built = architecture(model.config.to_dict())
    assert built.sites == without_bias(info.sites)
    assert built.biased == info.biased
    assert built.count == info.count
    biased = tuple(site.scoring is not None and site.scoring.selection_bias is not None for site in info.sites)
    assert info.biased == biased


@pytest.mark.parametrize("name", ["mixtral", "switch_transformers"])
def test_what_a_model_can_do_is_told(name):
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel({"a": 0}, unk_token="a")))
    model = tiny_model(name)
    with moe_viz.attach(model, tokenizer) as attached:
        assert (model_info(attached).generates, model_info(attached).chats) == (True, False)
        tokenizer.chat_template = "{{ messages[0].content }}"
        assert model_info(attached).chats
        model.can_generate = lambda: False
        assert not model_info(attached).generates


def test_building_it_allocates_no_weights():
    built = architecture(find_model("DeepSeek-V3").config)
    assert built.count.total > 6e11


def test_a_dense_model_has_layers_and_no_router():
    built = architecture(DENSE.to_dict())
    assert (built.sites, built.biased, built.count.blocks) == ((), (), ())
    assert built.count.stacks == (("model.layers", 3),)
    assert built.count.active == built.count.total
    with torch.device("meta"):
        expected = sum(p.numel() for p in torch.nn.ModuleList([_llama()]).parameters())
    assert built.count.total == expected


def _llama():
    from transformers import LlamaForCausalLM

    return LlamaForCausalLM(DENSE)


def test_values_that_make_no_config_are_refused():
    with pytest.raises(moe_viz.ModelError, match="expected a model_type that transformers knows"):
        architecture({"model_type": "of_tomorrow"})


# What the makers' own reports say of the routers: dense layers, experts, k, shared, groups, normalised, scale, bias.
REPORTED = [
    ("Mixtral 8x7B", 0, 8, 2, 0, (1, 1), True, 1, False),
    ("DeepSeek-V2", 1, 160, 6, 2, (8, 3), False, 16, False),
    ("DeepSeek-V3", 3, 256, 8, 1, (8, 4), True, 2.5, True),
    ("OLMoE-1B-7B", 0, 64, 8, 0, (1, 1), False, 1, False),
    ("Qwen3-30B-A3B", 0, 128, 8, 0, (1, 1), True, 1, False),
    ("Qwen3-Next-80B-A3B", 0, 512, 10, 1, (1, 1), True, 1, False),
    ("gpt-oss-20b", 0, 32, 4, 0, (1, 1), True, 1, False),
]


@pytest.mark.parametrize(
    ("name", "dense", "experts", "k", "shared", "groups", "normalised", "scale", "biased"),
    REPORTED,
    ids=[row[0] for row in REPORTED],
)
def test_the_catalogues_configs_route_as_reported(name, dense, experts, k, shared, groups, normalised, scale, biased):
    built = architecture(find_model(name).config)
    assert built.count.dense_layers == dense
    for site, bias in zip(built.sites, built.biased, strict=True):
        assert (site.num_experts, site.top_k, site.shared_experts) == (experts, k, shared)
        assert (site.scoring.groups, site.scoring.groups_kept) == groups
        assert (site.scoring.normalized, site.scoring.scale, bias) == (normalised, scale, biased)


def test_the_dense_model_of_the_catalogue_is_as_large_as_published():
    dense = next(model for model in known_models() if model.kind == "dense")
    built = architecture(dense.config)
    assert built.count.total / 1e9 == pytest.approx(dense.total, rel=0.01)
    assert built.count.layers == 126


def test_what_is_proven_of_a_family_is_said_of_its_text_tower_too():
    assert "Qwen3MoeForCausalLM" in proven("qwen3_moe")
    assert proven("gemma4_text") == proven("gemma4") is not None
    assert proven("llama") is None
