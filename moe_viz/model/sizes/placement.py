"""Where a model's weights go: the devices of this machine, their free memory, and how a model is spread over them."""

from __future__ import annotations

import shutil
import tempfile
from typing import Any

import psutil
import torch
from transformers.integrations.accelerate import get_balanced_memory, infer_auto_device_map

from moe_viz.errors import ModelError
from moe_viz.model.routers.families import family_of

AUTO = "auto"
DISK = "disk"
USABLE = 0.9
"""Weights may take this share of what a device has free. The rest is for activations."""


def choose_device(name: str | None) -> str:
    """The device to load on: `name`, or the accelerator if there is one. Raises ModelError if it is not there."""
    best = torch.accelerator.current_accelerator(check_available=True)
    if name is None:
        return str(best) if best is not None else "cpu"
    if name == AUTO:
        return name
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ModelError(f"device {name!r} is not known: expected 'cpu', 'cuda', 'cuda:1', 'mps' or 'auto'") from None
    count = torch.accelerator.device_count() if best is not None and device.type == best.type else 0
    if device.type != "cpu" and (device.index or 0) >= count:
        at_hand = ", ".join(str(place) for place in free_memory() if place != DISK)
        raise ModelError(f"there is no device {name!r} here: this machine has {at_hand}")
    return str(device)


def free_memory() -> dict[str, int]:
    """Free bytes on each device of this machine: accelerators first, then the CPU, then the disk for offloaded weights.

    An accelerator that shares the CPU's memory (Apple's) stands for it too.
    """
    free = {}
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    available = psutil.virtual_memory().available
    if accelerator is not None and accelerator.type == "mps":
        free["mps"] = available
    elif accelerator is not None:
        for index in range(torch.accelerator.device_count()):
            free[f"{accelerator.type}:{index}"] = torch.accelerator.get_memory_info(index)[0]
    if "mps" not in free:
        free["cpu"] = available
    return free | {DISK: shutil.disk_usage(tempfile.gettempdir()).free}


def free_on(device: str, free: dict[str, int]) -> int:
    """Free bytes on `device`, which may be named without its index."""
    shared = "mps" if "mps" in free else "cpu"
    return free.get(device, free.get(f"{device}:0", free.get(shared, 0)))


def spread(skeleton: Any, free: dict[str, int]) -> dict[str, Any]:
    """The device of each part of the model, as transformers' `device_map`: accelerators first, the disk last.

    Raises ModelError if parts would have to be moved in and out, and the family does not compute correctly so.
    """
    limits = {_key(device): int(USABLE * size) for device, size in free.items() if device != DISK}
    whole_layers = skeleton._no_split_modules  # noqa: SLF001 - transformers has no public name for it
    balanced = get_balanced_memory(skeleton, limits, whole_layers)
    placed: dict[str, Any] = infer_auto_device_map(skeleton, balanced, whole_layers)
    family = family_of(skeleton.config.model_type)
    if family is not None and not family.offloads and is_offloaded(placed):
        raise ModelError(
            f"this {skeleton.config.model_type} model does not fit on the accelerators, and its family does not run"
            " right with parts moved in and out; choose a smaller dtype, or one device with room for all of it"
        )
    return placed


def is_offloaded(placed: dict[str, Any]) -> bool:
    """Whether parts of a spread model wait where they are not computed."""
    devices = set(placed.values())
    return DISK in devices or ("cpu" in devices and len(devices) > 1)


def devices_of(hf_model: Any) -> str:
    """The device of a loaded model in words, or all devices that it is spread over."""
    placed = getattr(hf_model, "hf_device_map", {})
    if len(set(placed.values())) > 1:
        return ", ".join(dict.fromkeys(device_name(key) for key in placed.values()))
    return str(next(hf_model.parameters()).device)


def device_of(name: str, placed: dict[str, Any], *, buffer: bool = False) -> str:
    """The device of the tensor `name` in a spread model. Buffers are where they are used, even if weights wait."""
    while name not in placed and name:
        name = name.rpartition(".")[0]
    device = device_name(placed[name])
    if buffer and device in ("cpu", DISK):
        return next((used for used in map(device_name, placed.values()) if used not in ("cpu", DISK)), "cpu")
    return device


def device_name(key: Any) -> str:
    """The name that torch has for a device in a device map, which calls accelerators by number."""
    if not isinstance(key, int):
        return str(key)
    accelerator = torch.accelerator.current_accelerator()
    return f"{accelerator.type if accelerator is not None else 'cuda'}:{key}"


def _key(device: str) -> int | str:
    """A device as accelerate calls it in its limits."""
    kind, _, index = device.partition(":")
    return int(index) if index else kind
