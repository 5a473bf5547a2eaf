"""How much memory a model takes: planned before it is loaded, and measured after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig
from transformers.core_model_loading import build_glob_alternation

from moe_viz.errors import ModelError
from moe_viz.model.checkpoints.checks import skeleton
from moe_viz.model.checkpoints.resolve import find_config
from moe_viz.model.sizes.parameters import parts_of
from moe_viz.model.sizes.placement import AUTO, DISK, USABLE, choose_device, device_of, free_memory, free_on, spread
from moe_viz.model.sizes.quantization import (
    Quantization,
    check_quantization,
    quantized_bytes,
    quantized_layers,
    shape_as_stored,
    stored_quantization,
)

_SHARE_IN_FLOAT32 = 0.6
"""On a CPU float32 is chosen if the weights take at most this share of the free memory."""


@dataclass(frozen=True)
class MemoryPlan:
    """Where a model's weights would be, and how many bytes they would take there."""

    device: str
    """One device, or "auto" for several."""
    dtype: str
    quantization: Quantization | None
    placed: tuple[tuple[str, int], ...]
    """Bytes of weights by device."""
    routed: int
    """How many of these bytes are weights of routed experts."""
    quantized: int
    """How many weights are quantized; the rest stay in `dtype`."""
    parameters: int
    """How many weights there are."""
    cache_per_token: int | None
    """Bytes of keys and values that the KV cache takes per token, while the text is shorter than any
    attention window; None for models that cache anything else."""
    free: tuple[tuple[str, int], ...]
    """Free bytes by device, the disk last."""

    @property
    def weights(self) -> int:
        """Bytes of all weights."""
        return sum(size for _device, size in self.placed)

    @property
    def fits(self) -> bool:
        """Whether the weights take at most nine tenths of what each device has free. The rest is for activations."""
        free = dict(self.free)
        return all(size <= USABLE * free_on(device, free) for device, size in self.placed)

    @property
    def sentence(self) -> str:
        """The plan in words. If it does not fit, what would fit."""
        free = dict(self.free)
        where = ", ".join(
            f"{_gb(size)} on {device}, which has {_gb(free_on(device, free))} free" for device, size in self.placed
        )
        form = f"{self.dtype}, in {self.quantization}" if self.quantization else self.dtype
        parts = [f"The weights take {where} ({form})."]
        if self.quantization:
            parts.append(
                f"{self.quantization} quantizes {self.quantized:,} of {self.parameters:,} weights: linear layers, but"
                " neither routers nor experts that are one tensor."
            )
        return " ".join(parts if self.fits else [*parts, self._what_would_fit()])

    def _what_would_fit(self) -> str:
        free = dict(self.free)
        half = self.weights // 2 if self.dtype in ("float32", "float64") else self.weights
        smaller = " in bfloat16" if half < self.weights else ""
        for device, room in self.free:
            if device != DISK and half <= USABLE * room:
                return f"That does not fit; {_gb(half)}{smaller} on {device} would."
        if self.device != AUTO and half <= USABLE * sum(free.values()):
            return f"That does not fit; {_gb(half)}{smaller} spread with device 'auto' would, slowly where it is disk."
        return f"That does not fit, nor would anything else here: it takes a machine with {_gb(half / USABLE)} free."


def memory_plan(
    source: Any,
    *,
    revision: str | None = None,
    device: str | None = None,
    dtype: str | None = None,
    quantization: str | None = None,
) -> MemoryPlan:
    """How much memory a model would take if it were loaded, from its config alone.

    source: "demo", a local folder, a hub id (only its config is fetched), a transformers config, or
        the values of a config as a mapping with its model_type.
    revision: of a hub model, the branch, tag or commit; by default its main branch.
    device, dtype, quantization: as for `load`, with the same defaults.

    Raises ModelError if there is no such model, or if it cannot be loaded in this way.

    >>> import moe_viz
    >>> plan = moe_viz.memory_plan("demo", device="cpu", dtype="bfloat16")
    >>> plan.dtype, plan.weights, plan.cache_per_token  # bytes
    ('bfloat16', 25749248, 2304)
    """
    config = find_config(source, revision)
    if not isinstance(config, PreTrainedConfig):
        raise ModelError(
            f"the memory of a {type(source).__name__} cannot be planned: expected a hub id, a local folder, or a"
            " transformers config"
        )
    name = source if isinstance(source, str) else config.name_or_path or "this config"
    return plan_loading(config, name, device, dtype, quantization)[0]


def plan_loading(
    config: Any, name: str, device: str | None, dtype: str | None, quantization: str | None
) -> tuple[MemoryPlan, Any, dict[str, Any]]:
    """The plan, the model without weights that it was made from, and the device of each of its parts."""
    place, method = choose_device(device), check_quantization(quantization)
    free = free_memory()
    built = skeleton(config, name)
    number = _dtype_called(dtype) if dtype else _best_dtype(place, built, free)
    if number != torch.float32:
        built = skeleton(config, name, number)
    weights = sum(parameter.numel() for parameter in built.parameters())
    cache = _cache_per_token(built, number.itemsize)
    quantized = quantized_layers(built) if method else {}
    if stored_quantization(config) == "fp8":
        shape_as_stored(built, config)
    parts, _blocks = parts_of(built)
    devices = spread(built, free) if place == AUTO else {"": torch.device(place)}
    placed: Counter[str] = Counter()
    routed = 0
    for path, tensor, kept in _tensors(built, number):
        layer, _, own = path.rpartition(".")
        size = tensor.numel() * kept.itemsize
        if method and layer in quantized and own == "weight":
            size = quantized_bytes(quantized[layer], method)
        placed[device_of(path, devices, buffer=not isinstance(tensor, nn.Parameter))] += size
        routed += size if isinstance(tensor, nn.Parameter) and parts.get(tensor) == "routed" else 0
    plan = MemoryPlan(
        device=place,
        dtype=str(number).removeprefix("torch."),
        quantization=method,
        placed=tuple(placed.items()),
        routed=routed,
        quantized=sum(layer.weight.numel() for layer in quantized.values()),
        parameters=weights,
        cache_per_token=cache,
        free=tuple(free.items()),
    )
    return plan, built, devices


def resident(hf_model: Any) -> dict[str, int]:
    """Bytes that a loaded model's weights and buffers take, by device. Shared memory counts once.

    Offloaded weights count where they wait. The scales that bitsandbytes
    keeps beside quantized weights are not counted.
    """
    placed = getattr(hf_model, "hf_device_map", {})
    sizes: Counter[str] = Counter()
    seen: set[tuple[str, int]] = set()
    for path, tensor in _named_tensors(hf_model):
        if tensor.is_meta:
            sizes[device_of(path, placed) if placed else "meta"] += tensor.numel() * tensor.element_size()
            continue
        storage = tensor.untyped_storage()
        key = (str(tensor.device), storage.data_ptr())
        if key not in seen:
            seen.add(key)
            sizes[str(tensor.device)] += storage.nbytes()
    return dict(sizes)


def _named_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def _tensors(built: Any, number: torch.dtype) -> Iterator[tuple[str, Tensor, torch.dtype]]:
    """The path of every tensor of a model without weights, the tensor, and the dtype that transformers loads it in."""
    plan = built._get_dtype_plan(number)  # noqa: SLF001 - transformers has no public name for it
    pattern, wanted, _ = build_glob_alternation(list(plan)) if plan else (None, {}, None)
    stored = set(built.state_dict())
    for path, tensor in _named_tensors(built):
        found = pattern.search(path) if pattern is not None and path in stored else None
        yield path, tensor, plan[wanted[found.lastgroup]] if found else tensor.dtype


def _cache_per_token(built: Any, itemsize: int) -> int | None:
    """Bytes of the keys and values of all attention layers; None if a layer caches anything else."""
    numbers = 0
    for module in built.modules():
        keys, values = getattr(module, "k_proj", None), getattr(module, "v_proj", None)
        if "Indexer" in type(module).__name__ or (values is None and isinstance(keys, nn.Linear)):
            return None
        if isinstance(keys, nn.Linear) and isinstance(values, nn.Linear):
            numbers += keys.out_features + values.out_features
    latent = any(name.endswith("kv_b_proj") for name, _module in built.named_modules())
    return None if latent or built.config.is_encoder_decoder else numbers * itemsize or None


def _best_dtype(device: str, built: nn.Module, free: dict[str, int]) -> torch.dtype:
    """bfloat16; on a CPU float32, if that fits well."""
    on_cpu = device == "cpu" or (device == AUTO and set(free) == {"cpu", DISK})
    whole = 4 * sum(parameter.numel() for parameter in built.parameters())
    return torch.float32 if on_cpu and whole < _SHARE_IN_FLOAT32 * free["cpu"] else torch.bfloat16


def _dtype_called(name: str) -> torch.dtype:
    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ModelError(f"dtype {name!r} is not known: expected 'float32', 'bfloat16' or 'float16'")
    return found


def _gb(size: float) -> str:
    return f"{size / 1e9:,.0f} GB" if size >= 1e11 else f"{size / 1e9:.3g} GB"
