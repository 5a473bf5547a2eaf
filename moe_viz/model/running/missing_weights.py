"""Whether a model has all of its weights: torch computes with those that it lacks, and says nothing.

A tensor on the meta device has a shape and no values. On a CPU, torch 2.13 multiplies by it without
an error and gives whatever was in memory. accelerate leaves such tensors where it offloads, and
fills them for each call.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from torch import nn

from moe_viz.errors import ModelError


def refuse_missing_weights(hf_model: nn.Module) -> None:
    """Raise ModelError if a parameter or buffer has no values, and no hook of accelerate will fill it."""
    missing = next(_missing(hf_model, ""), None)
    if missing is not None:
        raise ModelError(
            f"{missing} has no values (it is on the meta device, and not offloaded), so that what the model computes"
            " would be made up: load the model again, one model at a time; if it stays so, restart the process"
        )


def _missing(module: nn.Module, path: str) -> Iterator[str]:
    """Their paths. A hook fills the tensors of its own module, or of all that is within it too."""
    hooks = [hook for hook in _hooks(getattr(module, "_hf_hook", None)) if getattr(hook, "offload", False)]
    if any(hook.place_submodules for hook in hooks):
        return
    if not hooks:
        own = chain(module.named_parameters(recurse=False), module.named_buffers(recurse=False))
        yield from (path + name for name, tensor in own if tensor.is_meta)
    for name, child in module.named_children():
        yield from _missing(child, f"{path}{name}.")


def _hooks(hook: Any) -> Iterator[Any]:
    """A hook, or those that it stands for."""
    yield from getattr(hook, "hooks", [hook])
