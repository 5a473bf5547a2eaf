"""Reading routers while a model runs: the logits where a router gives them, the experts and
gating weights where the experts take them.

Each router's and each experts module's `forward` is followed by a function that keeps what
it saw. It stands inside all of PyTorch's hooks, so what it keeps of the experts' arguments is
what the experts compute with, whatever a hook did to them before; and it costs half of what
hooks do, which send every call of their module down PyTorch's slow path (a cached one-token
step of the bundled model: 1.02 of the plain step, against 1.04).

The functions are set once and stay idle; `Capture.recording` opens a sink for the forward
passes of the calling thread alone, so that two threads never see each other's tokens.
Tensors stay on their device until `to_host`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from moe_viz.data.trace import RouterSite
from moe_viz.errors import CaptureError, StoppedError
from moe_viz.model.routers.discover import Router
from moe_viz.model.routers.extractors import READERS, Reader, Reading

_WIDENED = {torch.bfloat16, torch.float16}


class Capture:
    """The listeners on a model's routers. They change nothing that flows through them."""

    def __init__(self, routers: Sequence[Router]) -> None:
        self._routers = routers
        self._listeners: list[_Listener] = []
        self._sink: ContextVar[list[Reading] | None] = ContextVar("moe_viz_sink", default=None)
        self._stop: ContextVar[Callable[[], bool] | None] = ContextVar("moe_viz_stop", default=None)

    def install(self) -> None:
        """Set the listeners, if they are not set."""
        if self._listeners:
            return
        for index, router in enumerate(self._routers):
            reader = READERS[router.reader]
            self._listeners.append(_Listener(router.logits, self._logits_listener(index, router.logits_index, reader)))
            chooser = router.router if reader.at_router else router.experts
            self._listeners.append(_Listener(chooser, self._choices_listener(index, reader, router.site.top_k)))

    def remove(self) -> None:
        """Take all listeners off the model."""
        while self._listeners:
            self._listeners.pop().remove()

    @contextmanager
    def recording(self, stop: Callable[[], bool] | None = None) -> Iterator[list[Reading]]:
        """Record this thread's forward passes: one `Reading` a router, filled as they run.

        The next router raises StoppedError once `stop` says so. After an exception no listener
        is left on the model.
        """
        self.install()
        readings = [Reading() for _ in self._routers]
        sink, stopper = self._sink.set(readings), self._stop.set(stop)
        try:
            yield readings
        except BaseException:
            self.remove()
            raise
        finally:
            self._sink.reset(sink)
            self._stop.reset(stopper)

    def _logits_listener(self, index: int, logits_index: int, reader: Reader) -> Callable[[Any, Any], None]:
        def listen(_args: Any, output: Any) -> None:
            sink = self._sink.get()
            if sink is not None:
                if (stop := self._stop.get()) is not None and stop():
                    raise StoppedError("the forward pass was stopped")
                logits = output if isinstance(output, Tensor) else output[logits_index]
                sink[index].logits.append(_without_graph(reader.logits(logits) if reader.logits else logits))

        return listen

    def _choices_listener(self, index: int, reader: Reader, top_k: int) -> Callable[[Any, Any], None]:
        read = reader.choices

        def listen(args: Any, output: Any) -> None:
            sink = self._sink.get()
            if sink is not None and (choices := read(sink[index], args, output, top_k)) is not None:
                sink[index].ids.append(choices[0])
                sink[index].weights.append(_without_graph(choices[1]))

        return listen

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


class _Listener:
    """Follows each call of a module's `forward` with `listen(args, output)`, until removed."""

    def __init__(self, module: nn.Module, listen: Callable[[Any, Any], None]) -> None:
        inner = module.forward

        @wraps(inner)
        def forward(*args: Any, **kwargs: Any) -> Any:
            output = inner(*args, **kwargs)
            listen(args, output)
            return output

        self._module, self._inner, self._forward = module, inner, forward
        self._had_own = "forward" in module.__dict__  # as accelerate gives a module that it offloads
        module.forward = forward

    def remove(self) -> None:
        if self._module.__dict__.get("forward") is not self._forward:
            return  # somebody has wrapped it since; without a sink it does nothing
        if self._had_own:
            self._module.forward = self._inner
        else:
            del self._module.forward


def _without_graph(tensor: Tensor) -> Tensor:
    """The tensor without what autograd knows of it; in inference mode there is nothing to take off."""
    return tensor.detach() if tensor.requires_grad else tensor


def to_host(tensors: Sequence[Tensor]) -> list[NDArray[Any]]:
    """Tensors of one kind as numpy arrays, with one transfer a device. bfloat16 and float16 become float32."""
    arrays: list[NDArray[Any]] = []
    for device, same in groupby(tensors, key=lambda tensor: tensor.device):
        group = list(same)
        if device.type == "cpu":
            arrays += [_numpy(tensor) for tensor in group]
            continue
        host = _numpy(torch.cat([tensor.reshape(-1) for tensor in group]).cpu())
        ends = np.cumsum([tensor.numel() for tensor in group])[:-1]
        arrays += [part.reshape(tuple(t.shape)) for part, t in zip(np.split(host, ends), group, strict=True)]
    return arrays


def _numpy(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = (tensor.float() if tensor.dtype in _WIDENED else tensor).numpy()
    return array
