"""A model in evaluation while it is read, and in the mode that it was in afterwards.

In training a model drops values at random, and some routers add noise: two traces of one text
would differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from weakref import WeakKeyDictionary

from torch import nn

from moe_viz.errors import ModelError

_CHANGING = Lock()
_HELD: WeakKeyDictionary[nn.Module, _Held] = WeakKeyDictionary()
"""The models that are being read."""


class _Held:
    """How many passes read a model at once, and which of its modules were in training before the first."""

    def __init__(self, training: list[nn.Module]) -> None:
        self.passes = 0
        self.training = training


@contextmanager
def evaluation(hf_model: nn.Module) -> Iterator[None]:
    """Keep every module of the model in evaluation, and put back those that were in training.

    Raises ModelError if one cannot be had in evaluation.
    """
    with _CHANGING:
        held = _HELD.get(hf_model) or _HELD.setdefault(hf_model, _Held(_in_training(hf_model)))
        held.passes += 1
        for module in held.training:
            module.training = False
    try:
        for module in held.training:
            if module.training:
                raise ModelError(
                    f"the model is in training mode and cannot be read in evaluation: its {type(module).__name__} does"
                    " not take the mode that it is given; attach a model without it"
                )
        yield
    finally:
        with _CHANGING:
            held.passes -= 1
            if not held.passes:
                del _HELD[hf_model]
                for module in held.training:
                    module.training = True


def _in_training(root: nn.Module) -> list[nn.Module]:
    """The modules whose mode is training. `Module.modules` would take longer than all else around a short pass."""
    training, found = [], [root]
    for module in found:
        if module.training:
            training.append(module)
        if children := module._modules:  # noqa: SLF001 - `children` takes three times as long
            found.extend(child for child in children.values() if child is not None)
    return training
