"""Reading routers while a model runs: the logits where a router gives them, the experts and
gating weights where the experts take them.

Hooks are set once and stay idle; `Capture.recording` opens a sink for the forward passes of
the calling thread alone, so that two threads never see each other's tokens. Tensors stay on
their device until `to_host`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from moe_viz.errors import CaptureError
from moe_viz.model.discover import Router
from moe_viz.trace import NO_EXPERT, RouterSite


@dataclass
class Reading:
    """What one router did during a recording, one entry a call."""

    logits: list[Tensor] = field(default_factory=list)
    """`[token expert]`"""
    ids: list[Tensor] = field(default_factory=list)
    """`[token slot]`"""
    weights: list[Tensor] = field(default_factory=list)
    """`[token slot]`"""


class Capture:
    """The hooks on a model's routers. They change nothing that flows through them."""

    def __init__(self, routers: Sequence[Router]) -> None:
        self._routers = routers
        self._handles: list[RemovableHandle] = []
        self._sink: ContextVar[list[Reading] | None] = ContextVar("moe_viz_sink", default=None)

    def install(self) -> None:
        """Set the hooks, if they are not set."""
        if self._handles:
            return
        for index, router in enumerate(self._routers):
            read_router = partial(self._read_router, index, router.logits_index)
            read_experts = partial(self._read_experts, index, router.one_hot_ids)
            self._handles.append(router.router.register_forward_hook(read_router))
            self._handles.append(router.experts.register_forward_pre_hook(read_experts))

    def remove(self) -> None:
        """Take all hooks off the model."""
        while self._handles:
            self._handles.pop().remove()

    @contextmanager
    def recording(self) -> Iterator[list[Reading]]:
        """Record this thread's forward passes: one `Reading` a router, filled as they run.

        After an exception no hook is left on the model.
        """
        self.install()
        readings = [Reading() for _ in self._routers]
        token = self._sink.set(readings)
        try:
            yield readings
        except BaseException:
            self.remove()
            raise
        finally:
            self._sink.reset(token)

    def _read_router(self, index: int, logits_index: int, _module: nn.Module, _args: Any, output: Any) -> None:
        sink = self._sink.get()
        if sink is not None:
            logits = output if isinstance(output, Tensor) else output[logits_index]
            sink[index].logits.append(logits.detach())

    def _read_experts(self, index: int, one_hot: bool, _module: nn.Module, args: Any) -> None:
        sink = self._sink.get()
        if sink is not None:
            _hidden, ids, weights = args[:3]
            if one_hot:
                ids = torch.where(ids.any(dim=-1), ids.argmax(dim=-1), NO_EXPERT)
                weights = torch.where(ids == NO_EXPERT, 0, weights)
            sink[index].ids.append(ids.detach())
            sink[index].weights.append(weights.detach())

    @staticmethod
    def check(sites: Sequence[RouterSite], readings: Sequence[Reading], tokens: int) -> None:
        """Raise CaptureError unless every router was read once, for every token."""
        for site, reading in zip(sites, readings, strict=True):
            calls = (len(reading.logits), len(reading.ids))
            if calls != (1, 1):
                raise CaptureError(
                    f"{site.name}: its router was read {calls[0]} times and its experts {calls[1]} times in one"
                    " forward pass, expected once each: this model runs past its modules (compiled, or replaced"
                    " by a kernel), so its routing cannot be shown"
                )
            if len(reading.ids[0]) != tokens:
                raise CaptureError(f"{site.name}: {len(reading.ids[0])} tokens were routed, expected {tokens}")


def to_host(tensors: Sequence[Tensor]) -> list[NDArray[Any]]:
    """Copy tensors of one dtype to numpy, with one transfer a device. bfloat16 becomes float32."""
    arrays: list[NDArray[Any]] = []
    for _, same in groupby(tensors, key=lambda tensor: tensor.device):
        group = list(same)
        flat = torch.cat([tensor.reshape(-1) for tensor in group])
        host = (flat.float() if flat.is_floating_point() else flat).cpu().numpy()
        ends = np.cumsum([tensor.numel() for tensor in group])[:-1]
        parts = np.split(host, ends)
        arrays += [part.reshape(tuple(t.shape)) for part, t in zip(parts, group, strict=True)]
    return arrays
