"""Weights in fewer bits: what is quantized, what is read as stored, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoTokenizer

import moe_viz
from moe_viz.catalogue import find_model
from moe_viz.demo import FOLDER as DEMO
from moe_viz.model.routers.discover import discover
from moe_viz.model.sizes import placement, quantization
from moe_viz.model.sizes.quantization import quantized_bytes, quantized_layers
from tests.model.checks import FAMILIES
from tests.tiny_families import tiny_family
from tests.tiny_models import tiny_model, token_ids

E2M1 = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
"""The values of a sign-less 4-bit float: OCP Microscaling Formats 1.0, table 5."""


def saved(hf_model, folder, **stored):
    hf_model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(DEMO).save_pretrained(folder)
    if stored:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"quantization_config": stored}))
    return str(folder)


def refusal(name, **options) -> str:
    with pytest.raises(moe_viz.ModelError) as caught:
        moe_viz.load(str(name), **options)
    return str(caught.value)


@pytest.mark.parametrize("family", FAMILIES)
def test_only_linear_layers_are_quantized_and_never_a_router_nor_the_head(family):
    hf_model = tiny_family(family)
    quantized = quantized_layers(hf_model)
    assert quantized
    assert {type(layer) for layer in quantized.values()} == {nn.Linear}
    kept = {id(module) for router in discover(hf_model) for module in router.router.modules()}
    kept |= {id(router.logits) for router in discover(hf_model)} | {id(hf_model.get_output_embeddings())}
    assert not kept & {id(layer) for layer in quantized.values()}
    left = {name for name, module in hf_model.named_modules() if type(module) is nn.Linear} - set(quantized)
    routers = {name for name, module in hf_model.named_modules() if id(module) in kept}
    assert all(name in routers or name.endswith("kv_b_proj") for name in left)


def test_how_little_of_a_mixture_of_experts_is_quantized_is_said():
    plan = moe_viz.memory_plan(find_model("Mixtral 8x7B").config, quantization="4-bit", dtype="bfloat16")
    assert plan.quantized == 32 * 4096 * (2 * 4096 + 2 * 1024)  # attention alone: q and o, k and v
    assert f"4-bit quantizes {plan.quantized:,} of {plan.parameters:,} weights" in plan.sentence
    assert plan.routed == 2 * moe_viz.count_parameters(find_model("Mixtral 8x7B").config).routed
    whole = moe_viz.memory_plan(find_model("Mixtral 8x7B").config, dtype="bfloat16")
    assert plan.weights == whole.weights - 2 * plan.quantized + plan.quantized // 2 + 4 * plan.quantized // 64


def test_bytes_of_a_quantized_layer():
    layer = nn.Linear(100, 6, bias=False, device="meta")
    assert quantized_bytes(layer, "8-bit") == 600 + 4 * 6  # one scale per row
    assert quantized_bytes(layer, "4-bit") == 300 + 4 * 10  # and one per 64 weights


def test_quantization_without_its_package_or_of_another_kind_is_refused(monkeypatch):
    monkeypatch.setattr(quantization, "find_spec", lambda _name: None)
    assert "8-bit needs the package bitsandbytes, which is not installed: `pip install" in refusal(
        "demo", quantization="8-bit"
    )
    assert "quantization '3-bit' is not known: expected '8-bit' or '4-bit'" in refusal("demo", quantization="3-bit")


def test_quantized_weights_cannot_wait_elsewhere(monkeypatch):
    monkeypatch.setattr(quantization, "find_spec", lambda _name: True)
    size = moe_viz.memory_plan("demo", dtype="float32").weights
    monkeypatch.setattr("moe_viz.model.sizes.memory.free_memory", lambda: {"cpu": size, "disk": 10**12})
    assert "quantized weights cannot be kept elsewhere" in refusal(
        "demo", quantization="8-bit", device="auto", dtype="float32"
    )
    assert placement.is_offloaded({"a": "cpu", "b": "disk"})
    assert placement.is_offloaded({"a": 0, "b": "cpu"})
    assert not placement.is_offloaded({"a": 0, "b": 1})
    assert not placement.is_offloaded({"": "cpu"})


@pytest.mark.parametrize("family", ["mixtral", "deepseek_v3", "dbrx", "zaya", "switch_transformers"])
def test_quantized_models_route_by_their_stored_routers(family, tmp_path):
    pytest.importorskip("bitsandbytes", reason="no requirement of the project: where it is installed")
    name = saved(tiny_family(family), tmp_path)
    plan = moe_viz.memory_plan(name, quantization="8-bit", dtype="bfloat16")
    with moe_viz.load(name, quantization="8-bit", dtype="bfloat16") as model:
        quantized = [module for module in model.hf_model.modules() if type(module).__name__ == "Linear8bitLt"]
        assert sum(module.weight.numel() for module in quantized) == plan.quantized
        assert model.self_test.passed, model.self_test.sentence
        for router in model.routers:
            assert all(p.is_floating_point() for p in router.router.parameters())
        assert "are quantized in 8-bit" in " ".join(model.provenance().notes)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_mxfp4_is_dequantized_to_what_it_stands_for(dtype, tmp_path):
    """Experts as gpt-oss stores them: blocks of 32 four-bit floats, each with a power of two."""
    name = saved(tiny_family("gpt_oss", intermediate_size=64), tmp_path, quant_method="mxfp4")
    weights = load_file(tmp_path / "model.safetensors")
    rng = np.random.default_rng(0)
    meant = {}
    for path in [path for path in weights if path.endswith(("gate_up_proj", "down_proj"))]:
        experts, rows, columns = weights.pop(path).shape
        blocks = rng.integers(0, 256, (experts, columns, rows // 32, 16), dtype=np.uint8)
        powers = rng.integers(118, 124, (experts, columns, rows // 32), dtype=np.uint8)
        weights |= {f"{path}_blocks": torch.tensor(blocks), f"{path}_scales": torch.tensor(powers)}
        values = np.array([*E2M1, *(-value for value in E2M1)])
        pairs = np.stack([values[blocks & 15], values[blocks >> 4]], axis=-1)  # the low half comes first
        whole = pairs.reshape(experts, columns, rows // 32, 32) * 2.0 ** (powers[..., None] - 127.0)
        meant[path] = whole.reshape(experts, columns, rows).transpose(0, 2, 1)
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with moe_viz.load(name, dtype=dtype) as model:
        assert model.self_test.passed, model.self_test.sentence
        read = dict(model.hf_model.named_parameters())
        for path, exact in meant.items():
            np.testing.assert_array_equal(read[path].detach().float().numpy(), exact)
        assert {p.dtype for p in read.values()} == {getattr(torch, dtype)}
        assert len(model.trace(token_ids=token_ids())) == 17
        assert "stored in mxfp4, and were dequantized" in " ".join(model.provenance().notes)
        assert sum(size for _device, size in moe_viz.memory_plan(name, dtype=dtype).placed) == sum(
            tensor.untyped_storage().nbytes() for tensor in (*read.values(), *model.hf_model.buffers())
        )


@pytest.mark.parametrize(
    ("stored", "sentence"),
    [
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "is stored in fp8, which only NVIDIA GPUs"),
        ({"quant_method": "gptq", "bits": 4}, "is stored in gptq, which is not read here"),
        ({"quant_method": "awq", "bits": 4}, "is stored in awq, which is not read here"),
        ({"quant_method": "compressed-tensors"}, "is stored in compressed-tensors, which is not read here"),
        ({"bits": 4}, "is stored in unknown, which is not read here"),
    ],
)
def test_what_is_stored_in_another_way_is_refused_before_it_is_read(stored, sentence, tmp_path):
    assert sentence in refusal(saved(tiny_model("qwen3_moe"), tmp_path, **stored), device="cpu")


def test_stored_quantized_is_not_quantized_once_more(tmp_path, monkeypatch):
    monkeypatch.setattr(quantization, "find_spec", lambda _name: True)
    name = saved(tiny_family("gpt_oss"), tmp_path, quant_method="mxfp4")
    assert "is stored in mxfp4 already: load it without quantization" in refusal(name, quantization="8-bit")


def test_fp8_is_planned_as_it_is_stored(tmp_path):
    """Where it is used so: a byte a weight in linear layers and experts, and a factor a block."""
    plain = saved(tiny_model("qwen3_moe"), tmp_path / "plain")
    stored = saved(tiny_model("qwen3_moe"), tmp_path / "fp8", quant_method="fp8", weight_block_size=[128, 128])
    before, after = (moe_viz.memory_plan(name, dtype="bfloat16") for name in (plain, stored))
    assert before.routed == 2 * moe_viz.count_parameters(plain).routed
    assert before.routed / 2 < after.routed < 1.01 * before.routed / 2
    assert after.weights < before.weights
    assert before.parameters == after.parameters
