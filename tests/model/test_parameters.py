"""Counting parameters: laws on tiny models, published figures on real configs, the command, refusals."""

from __future__ import annotations

import json
import re

import pytest
import torch
from transformers import HunYuanMoEV1Config, LlamaConfig, LongcatFlashConfig, NemotronHConfig, Qwen3MoeConfig
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

import moe_viz
from moe_viz import count_parameters, parameters_command
from moe_viz.__main__ import main
from moe_viz.catalogue import find_model, known_models
from moe_viz.model import hub, parameters
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


def test_a_quantised_model_is_counted_as_what_it_stands_for():
    model = tiny_model("mixtral")
    expected = count_parameters(model)
    experts = model.model.layers[0].mlp.experts
    experts.down_proj = torch.nn.Parameter(experts.down_proj[..., ::2].detach())
    assert count_parameters(model).total < expected.total
    model.is_quantized = True
    assert count_parameters(model) == expected


# Published figures

# Billions of parameters counted by another program, which walks tensors' names: total, active, active
# without the input embeddings.
COUNTED = {
    "Switch-Base-8": (0.62, 0.22, 0.22),
    "Mixtral 8x7B": (46.70, 12.88, 12.75),
    "Mixtral 8x22B": (140.63, 39.16, 38.96),
    "DBRX": (131.60, 36.47, 35.85),
    "Jamba v0.1": (51.57, 12.11, 11.84),
    "JetMoE-8B": (8.52, 2.33, 2.33),
    "DeepSeek-V2": (235.74, 21.38, 20.85),
    "DeepSeek-V3": (671.03, 37.55, 36.63),
    "Phi-3.5-MoE": (41.87, 6.64, 6.51),
    "OLMoE-1B-7B": (6.92, 1.28, 1.18),
    "Qwen3-30B-A3B": (30.53, 3.35, 3.04),
    "Qwen3-235B-A22B": (235.09, 22.19, 21.57),
    "gpt-oss-20b": (20.91, 4.19, 3.61),
    "gpt-oss-120b": (116.83, 5.71, 5.13),
    "Qwen3-Next-80B-A3B": (79.67, 3.87, 3.56),
    "LongCat-Flash": (560.66, 27.95, 27.15),
}
# Published in too few digits to ask for 2 %: one unit of the last digit.
COARSE = {"Switch-Base-128": {"total": 1}, "Qwen3-Next-80B-A3B": {"active": 1}, "JetMoE-8B": {"active": 0.1}}
OPEN = [model.name for model in known_models() if model.kind == "moe"]


@pytest.fixture(scope="module")
def real():
    return {name: count_parameters(find_model(name).config) for name in OPEN}


@pytest.mark.parametrize("name", OPEN)
def test_a_published_figure_is_met(name, real):
    model, count = find_model(name), real[name]
    coarse = COARSE.get(name, {})
    assert count.total / 1e9 == pytest.approx(model.total, abs=coarse.get("total", 0.02 * model.total))
    if model.active is None:
        return
    within = {"abs": coarse.get("active", 0.02 * model.active)}
    with_table, without = count.active / 1e9, (count.active - count.embeddings) / 1e9
    if model.embeddings_counted is None:
        assert with_table == pytest.approx(model.active, **within)
        assert without == pytest.approx(model.active, **within)
    else:
        meant, other = (with_table, without) if model.embeddings_counted else (without, with_table)
        assert meant == pytest.approx(model.active, **within)
        assert abs(meant - model.active) < abs(other - model.active)


@pytest.mark.parametrize("name", COUNTED)
def test_another_program_counts_the_same(name, real):
    count = real[name]
    figures = [count.total, count.active, count.active_without_embeddings]
    assert [number / 1e9 for number in figures] == pytest.approx(COUNTED[name], abs=0.006)


def test_experts_inside_attention_are_routed_too(real):
    count = real["JetMoE-8B"]
    assert len(count.blocks) == 48
    assert (count.layers, count.dense_layers) == (24, 0)
    assert count.routed == 24 * 8 * (3 * 2048 * 5632 + 2 * 2048 * 2048)


def test_linear_attention_is_attention(real):
    count = real["Qwen3-Next-80B-A3B"]
    assert count.other == (2 * 48 + 1) * 2048  # the norms


# The command


def run(capsys, *arguments) -> str:
    assert main(["parameters", *arguments]) == 0
    return capsys.readouterr().out


def test_the_command_tells_a_models_parts(capsys):
    text = run(capsys, "demo")
    assert "demo (qwen3_moe): 6 routers in 6 layers, 0 dense" in text
    assert "a token chooses 2 of 16 experts" in text
    values = json.loads(run(capsys, "demo", "--json"))
    assert values["total"] == sum(values[part] for part in PARTS)
    assert re.search(rf"total +{values['total']:,} +100.0%", text)
    assert re.search(rf"active per token +{values['active']:,} ", text)
    assert values["bytes"]["bfloat16"] == 2 * values["total"]
    assert re.search(r"float32 +0\.05 GB  room", text)
    assert re.search(r"4-bit, 5\.2% of them +0\.02 GB  room", text)
    plans = values["memory"]
    assert [(plan["dtype"], plan["quantization"]) for plan in plans] == [
        *(("float32", None), ("bfloat16", None), ("bfloat16", "8-bit"), ("bfloat16", "4-bit")),
    ]
    assert plans[0]["weights"] == moe_viz.memory_plan("demo", dtype="float32").weights
    assert len(values["blocks"]) == values["layers"] == 6


def test_the_command_counts_a_well_known_model_without_a_network(capsys, monkeypatch, real):
    monkeypatch.setattr(hub, "snapshot_download", None)
    for name in ("Mixtral 8x7B", "mistralai/mixtral-8x7b-v0.1"):
        assert json.loads(run(capsys, name, "--json"))["total"] == real["Mixtral 8x7B"].total


def test_the_list_puts_published_beside_counted(capsys, monkeypatch):
    few = [find_model(name) for name in ("gpt-oss-20b", "GPT-4", "JetMoE-8B")]
    monkeypatch.setattr(parameters_command, "known_models", lambda: few)
    lines = run(capsys, "--list").splitlines()
    assert lines[3].split()[:8] == ["gpt-oss-20b", "OpenAI", "2025-08", "20.9", "3.6", "20.91", "4.19", "3.61"]
    assert re.match(r"GPT-4 \* +OpenAI +2023-03 +unknown +unknown +closed", lines[4])
    rows = json.loads(run(capsys, "--list", "--json"))
    assert [row["counted"] and row["counted"]["family"] for row in rows] == ["gpt_oss", None, "jetmoe"]
    assert rows[0]["published"]["active"] == 3.6


# Refusals


def refusal(source) -> str:
    with pytest.raises(moe_viz.ModelError) as caught:
        count_parameters(source)
    return str(caught.value)


def test_what_cannot_be_counted_is_said():
    dense = LlamaConfig(vocab_size=50, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    text = refusal(dense)
    assert "llama model has no routed experts that can be counted" in text
    assert "choose a mixture-of-experts model" in text
    assert "expected a hub id, a local folder" in refusal(7)
    assert "expected a model_type that transformers knows" in refusal({"model_type": "of_tomorrow"})
    assert "expected a model_type" in refusal({})
    assert "no qwen3_moe model can be built from its config" in refusal(QWEN | {"hidden_act": "none such"})
    assert "there is no model 'nowhere'" in refusal("nowhere")


def test_experts_of_which_nothing_says_how_many_are_used(monkeypatch):
    monkeypatch.setattr(parameters, "family_of", lambda _model_type: None)
    text = refusal(CONFIGS["switch_transformers"]())
    assert "nothing in it or its config says how many a token uses" in text
    assert "needs a record of its own" in text


def test_of_a_hub_model_the_config_alone_is_fetched(monkeypatch, tmp_path):
    CONFIGS["mixtral"]().save_pretrained(tmp_path)
    asked = []

    def download(name, **options):
        asked.append((name, options["allow_patterns"]))
        return str(tmp_path)

    monkeypatch.setattr(hub, "snapshot_download", download)
    assert count_parameters("some/one") == count_parameters(CONFIGS["mixtral"]())
    assert asked == [("some/one", ["config.json"])]


def test_without_a_network_and_a_cached_copy(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert "HF_HUB_OFFLINE is set" in refusal("some/one")
    assert "some/one is not in this machine's cache" in refusal("some/one")
    assert main(["parameters", "some/one"]) == 1
    assert main(["parameters", "GPT-4"]) == 1
    printed = capsys.readouterr()
    assert "GPT-4 has no experts that can be counted" in printed.err
    assert not printed.out
