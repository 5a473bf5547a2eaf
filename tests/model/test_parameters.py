"""Counting parameters: laws on tiny models, published figures on real configs, the command, refusals."""

from __future__ import annotations

import re

import pytest
import torch
from transformers import HunYuanMoEV1Config, LongcatFlashConfig, NemotronHConfig, Qwen3MoeConfig
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

import moe_viz
from moe_viz import count_parameters
from tests.tiny_models import CONFIGS, VOCAB, tiny_model

QWEN = CONFIGS["qwen3_moe"]().to_dict()
PARTS = ("routed", "shared", "routers", "attention", "embeddings", "output_head", "other")


@pytest.fixture(scope="module", params=CONFIGS)
def built(request):
    return tiny_model(request.param)


@pytest.fixture(scope="module")
def counted(built):
    return count_parameters(built)


def sum_of(model, pattern) -> int:
    return sum(p.numel() for name, p in model.named_parameters() if re.search(pattern, name))


def qwen(**changes):
    return count_parameters(QWEN | changes)


def test_a_config_alone_gives_the_count_of_the_model_built_from_it(built, counted):
    before = built.config.to_dict()
    assert count_parameters(built.config) == counted
    assert built.config.to_dict() == before


def test_the_parts_add_up_to_every_weight(built, counted):
    assert counted.total == sum(getattr(counted, part) for part in PARTS) == sum(p.numel() for p in built.parameters())


def test_each_part_is_what_its_tensors_hold(built, counted):
    router = r"\.(gate|router)\.(?!expert)"
    assert counted.routed == sum_of(built, r"\.experts\.")
    assert counted.routers == sum_of(built, router)
    assert counted.shared == sum_of(built, r"\.shared_expert")
    assert counted.attention == sum_of(built, r"\.(self_attn|SelfAttention|EncDecAttention)\.")
    assert counted.embeddings == sum_of(built, r"^(model\.embed_tokens|shared)\.")
    assert counted.output_head == sum_of(built, r"^lm_head\.")


def test_active_is_all_but_the_experts_that_a_token_does_not_visit(built, counted):
    idle = 0
    for block in built.modules():
        experts = getattr(block, "experts", None)
        if experts is None:
            continue
        config = built.config
        k = 1 if config.model_type == "switch_transformers" else config.num_experts_per_tok
        one_by_one = list(experts.children()) if config.model_type == "switch_transformers" else None
        if one_by_one:
            idle += sum(p.numel() for expert in one_by_one[k:] for p in expert.parameters())
        else:
            idle += sum(p[k:].numel() for name, p in experts.named_parameters())
    assert idle > 0
    assert counted.active == counted.total - idle
    assert 0 < counted.active_without_embeddings <= counted.active < counted.total


def test_a_token_that_visits_all_experts_uses_all_weights():
    count = qwen(num_experts_per_tok=8)
    assert count.active == count.total == qwen().total


def test_more_experts_of_which_as_many_are_used_cost_a_token_only_the_wider_router():
    few, many = qwen(), qwen(num_local_experts=16)
    router = 3 * 8 * 32  # layers, experts more, hidden
    assert many.routed == 2 * few.routed
    assert many.active - few.active == many.routers - few.routers == router


def test_a_table_that_is_the_output_head_too_counts_once():
    apart, tied = qwen(tie_word_embeddings=False), qwen(tie_word_embeddings=True)
    table = VOCAB * 32
    assert apart.embeddings == apart.output_head == tied.embeddings == tied.tied == table
    assert (apart.tied, tied.output_head) == (0, 0)
    assert apart.total - tied.total == table
    assert apart.active_without_embeddings == apart.active - table
    assert tied.active_without_embeddings == tied.active


def test_dense_layers_and_stacks():
    assert (qwen().layers, qwen().dense_layers) == (3, 0)
    assert qwen(mlp_only_layers=[0, 2]).dense_layers == 2
    deepseek = count_parameters(CONFIGS["deepseek_v3"]())
    assert [block.layer for block in deepseek.blocks] == ["model.layers.1", "model.layers.2"]
    assert (deepseek.layers, deepseek.dense_layers) == (3, 1)
    switch = count_parameters(CONFIGS["switch_transformers"]())
    assert (switch.layers, switch.dense_layers) == (8, 4)


def test_layers_may_differ_in_experts_and_choices():
    model = tiny_model("qwen3_moe")
    wide = AutoModelForCausalLM.from_config(
        Qwen3MoeConfig(**QWEN | {"num_local_experts": 12, "num_experts_per_tok": 5})
    )
    model.model.layers[1].mlp = wide.model.layers[1].mlp
    count = count_parameters(model)
    one = 3 * 32 * 24
    assert [(b.experts, b.top_k, b.parameters) for b in count.blocks] == [
        (8, 3, 8 * one),
        (12, 5, 12 * one),
        (8, 3, 8 * one),
    ]
    assert count.routed_per_token == (3 + 5 + 3) * one


def test_experts_that_compute_nothing_have_no_weights_and_lighten_the_mean():
    config = LongcatFlashConfig(
        vocab_size=VOCAB,
        hidden_size=32,
        ffn_hidden_size=48,
        expert_ffn_hidden_size=24,
        num_layers=2,
        num_attention_heads=4,
        q_lora_rank=16,
        kv_lora_rank=8,
        qk_nope_head_dim=4,
        qk_rope_head_dim=4,
        head_dim=4,
        v_head_dim=8,
        n_routed_experts=8,
        zero_expert_num=4,
        moe_topk=3,
    )
    count = count_parameters(config)
    one = 3 * 32 * 24
    assert {(b.experts, b.zero_experts, b.top_k) for b in count.blocks} == {(8, 4, 3)}
    assert count.routed == 2 * 8 * one
    assert count.routed_per_token == 2 * 2 * one  # 8 of 12 choices have weights: 2 of 3 on average
    assert count.routers == 2 * 12 * 32


def test_shared_experts_of_another_name_and_choices_layer_by_layer():
    config = HunYuanMoEV1Config(
        vocab_size=VOCAB,
        hidden_size=32,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        num_experts=4,
        moe_topk=[1, 2],
    )
    count = count_parameters(config)
    assert count.shared == 2 * 3 * 32 * 24
    assert count.routers == 2 * 4 * 32
    assert [(block.experts, block.top_k) for block in count.blocks] == [(4, 1), (4, 2)]


def test_layers_that_are_either_attention_or_experts():
    config = NemotronHConfig(
        layers_block_type=["full_attention", "moe"], hidden_size=64, intermediate_size=96, moe_intermediate_size=24
    )
    count = count_parameters(config)
    assert count.attention == 64 * 128 * (32 + 8 + 8 + 32)  # q, k, v, o
    assert count.routed == 8 * 2 * 64 * 24  # experts without a gate
    assert [block.layer for block in count.blocks] == ["model.layers.1"]
    assert (count.layers, count.dense_layers) == (2, 1)


def test_bytes_at_a_dtype():
    count = qwen()
    assert [count.bytes(dtype) / count.total for dtype in ("float32", "bfloat16", "int8")] == [4, 2, 1]
    with pytest.raises(moe_viz.ModelError, match=r"dtype 'int3' is not known: expected one of float32"):
        count.bytes("int3")


def test_every_way_to_name_a_model(tmp_path):
    model = tiny_model("mixtral")
    model.config.save_pretrained(tmp_path)
    expected = count_parameters(model)
    with moe_viz.attach(model) as attached:
        assert count_parameters(attached) == expected
    assert count_parameters(tmp_path) == count_parameters(str(tmp_path)) == expected
    assert count_parameters(model.config.to_dict()) == expected


def test_a_quantized_model_is_counted_as_what_it_stands_for():
    model = tiny_model("mixtral")
    expected = count_parameters(model)
    experts = model.model.layers[0].mlp.experts
    experts.down_proj = torch.nn.Parameter(experts.down_proj[..., ::2].detach())
    assert count_parameters(model).total < expected.total
    model.is_quantized = True
    assert count_parameters(model) == expected
