"""Weights in fewer bits: quantized by bitsandbytes when they are loaded, or stored so by their makers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Literal, get_args

import torch
from torch import nn
from transformers import BitsAndBytesConfig
from transformers.quantizers.auto import AutoHfQuantizer

from moe_viz.errors import ModelError
from moe_viz.model.routers.discover import discover
from moe_viz.model.sizes.placement import is_offloaded

Quantization = Literal["8-bit", "4-bit"]

_READ_DIRECTLY = ("kv_b_proj",)
"""Latent attention multiplies by this layer's weights without calling it: quantized ones would be misread."""
_BLOCK = 64
"""In 4 bits, this number of weights share one scale."""


def check_quantization(name: str | None) -> Quantization | None:
    """`name` as a quantization. Raises ModelError if it is none."""
    for known in (None, *get_args(Quantization)):
        if name == known:
            return known
    raise ModelError(f"quantization {name!r} is not known: expected '8-bit' or '4-bit', or none")


def bitsandbytes_config(
    skeleton: Any, quantization: Quantization, dtype: str, name: str, devices: dict[str, Any]
) -> BitsAndBytesConfig:
    """What transformers needs to quantize a model's linear layers while it loads them on `devices`.

    Raises ModelError if they cannot be quantized.
    """
    if find_spec("bitsandbytes") is None:
        raise ModelError(
            f"{quantization} needs the package bitsandbytes, which is not installed: `pip install bitsandbytes`, or"
            " load without quantization"
        )
    method = stored_quantization(skeleton.config)
    if method is not None:
        raise ModelError(f"{name} is stored in {method} already: load it without quantization")
    if is_offloaded(devices):
        raise ModelError(
            f"{name} has no room on the accelerators even in {quantization}, and quantized weights cannot"
            " be kept elsewhere: load it without quantization, or on the CPU"
        )
    skipped = _not_quantized(skeleton)
    if quantization == "8-bit":
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=skipped)
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype, llm_int8_skip_modules=skipped
    )


def quantized_layers(skeleton: nn.Module) -> dict[str, nn.Linear]:
    """The layers that bitsandbytes quantizes, by path: plain linear ones, but no router and not the output head.

    Experts whose weights are one tensor `[expert ...]`, as in most families, are not linear layers.
    """
    skipped = _not_quantized(skeleton)
    inside = re.compile("|".join(rf"{re.escape(name)}(\.|$)|.*\.{re.escape(name)}$" for name in skipped))
    return {
        name: module
        for name, module in skeleton.named_modules()
        if type(module) is nn.Linear and not inside.match(name)
    }


def quantized_bytes(layer: nn.Linear, quantization: Quantization) -> int:
    """Bytes of a quantized layer's weights and of their scales: one float32 per row in 8 bits, per block in 4."""
    count = layer.weight.numel()
    if quantization == "8-bit":
        return count + 4 * layer.out_features
    return -(-count // 2) + 4 * -(-count // _BLOCK)


def _not_quantized(skeleton: Any) -> list[str]:
    names = {module: name for name, module in skeleton.named_modules()}
    kept = [router.router for router in discover(skeleton)]
    head = skeleton.get_output_embeddings()
    return [*(names[module] for module in [*kept, head] if module is not None), *_READ_DIRECTLY]


def stored_quantization(config: Any) -> str | None:
    """How the makers quantized the weights, by transformers' name for it; None if they did not."""
    stored = getattr(config, "quantization_config", None)
    if stored is None:
        return None
    values = stored if isinstance(stored, Mapping) else stored.to_dict()
    return str(values.get("quant_method") or "unknown")


def prepare_stored(config: Any, name: str, devices: set[str]) -> tuple[str, ...]:
    """Make `config` load quantized weights in a form in which every router and expert is called.

    Returns notes for readers of the traces. Raises ModelError where there is no such form.
    """
    method = stored_quantization(config)
    if method == "mxfp4":  # its kernel calls neither router nor experts
        config.quantization_config = {**config.quantization_config, "dequantize": True}
        return ("The weights are stored in mxfp4, and were dequantized when they were loaded.",)
    if method == "fp8":
        if not all(_computes_fp8(device) for device in devices):
            raise ModelError(
                f"{name} is stored in fp8, which only NVIDIA GPUs of compute capability 8.9 or more compute with, and"
                " which transformers does not dequantize right for every shape; choose a copy in bfloat16"
            )
        return ("The weights are stored in fp8, and are used so.",)
    if method is not None:
        raise ModelError(
            f"{name} is stored in {method}, which is not read here: its experts are replaced by others, which may run"
            " past their router; choose a copy whose weights are not quantized"
        )
    return ()


def shape_as_stored(skeleton: Any, config: Any) -> None:
    """Give a skeleton the shapes and dtypes of its weights as they are stored, which are used so."""
    quantizer = AutoHfQuantizer.from_config(config.quantization_config, pre_quantized=True)
    quantizer.preprocess_model(model=skeleton, dtype=skeleton.dtype, device_map=None, checkpoint_files=None)


def _computes_fp8(device: str) -> bool:
    return device.startswith("cuda") and torch.cuda.get_device_capability(device) >= (8, 9)
