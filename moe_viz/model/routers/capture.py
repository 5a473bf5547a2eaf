"""Reading routers while a model runs: the logits where a router returns them, and the chosen experts
and gating weights where the experts receive them.

A function follows the `forward` of each router and of each experts module, and keeps what it saw.
It runs inside all of PyTorch's hooks. So what it keeps of the experts' arguments is what the
experts compute with, whatever a hook did to them before. It also costs half of what hooks cost,
because hooks send every call of their module down PyTorch's slow path (a cached one-token step of
the bundled model takes 1.02 times the plain step, with hooks 1.04 times).

The functions are set once and stay idle. `Capture.recording` opens a sink for the forward passes
of the calling thread alone, so that two threads never see each other's tokens. Tensors stay on
their device until `readings.to_host`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

from torch import Tensor, nn

from moe_viz.errors import StoppedError
from moe_viz.model.routers.discover import Router
from moe_viz.model.routers.extractors import EXTRACTORS, Extractor
from moe_viz.model.routers.readings import Reading


class Capture:
    """The listeners on a model's routers. They never change a value that passes."""

    def __init__(self, routers: Sequence[Router]) -> None:
        self._routers = routers
        self.sites = tuple(router.site for router in routers)
        """The routers, in the order of their readings."""
        self._listeners: list[_Listener] = []
        self._sink: ContextVar[list[Reading] | None] = ContextVar("moe_viz_sink", default=None)
        self._stop: ContextVar[Callable[[], bool] | None] = ContextVar("moe_viz_stop", default=None)

    def install(self) -> None:
        """Set the listeners, unless they are set already."""
        if self._listeners:
            return
        for index, router in enumerate(self._routers):
            extractor = EXTRACTORS[router.extractor]
            self._listeners.append(
                _Listener(router.logits, self._logits_listener(index, router.logits_index, extractor))
            )
            source = router.router if extractor.at_router else router.experts
            self._listeners.append(_Listener(source, self._choices_listener(index, extractor, router.site.top_k)))

    def remove(self) -> None:
        """Take all listeners off the model."""
        while self._listeners:
            self._listeners.pop().remove()

    @contextmanager
    def recording(self, stop: Callable[[], bool] | None = None) -> Iterator[list[Reading]]:
        """Record this thread's forward passes: one `Reading` per router, filled as they run.

        The next router raises StoppedError once `stop` returns True. An exception takes all
        listeners off the model.
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

    def _logits_listener(self, index: int, logits_index: int, extractor: Extractor) -> Callable[[Any, Any], None]:
        def listen(_args: Any, output: Any) -> None:
            sink = self._sink.get()
            if sink is not None:
                if (stop := self._stop.get()) is not None and stop():
                    raise StoppedError("the forward pass was stopped")
                logits = output if isinstance(output, Tensor) else output[logits_index]
                sink[index].logits.append(_without_graph(extractor.logits(logits) if extractor.logits else logits))

        return listen

    def _choices_listener(self, index: int, extractor: Extractor, top_k: int) -> Callable[[Any, Any], None]:
        extract = extractor.choices

        def listen(args: Any, output: Any) -> None:
            sink = self._sink.get()
            if sink is not None and (choices := extract(sink[index], args, output, top_k)) is not None:
                sink[index].ids.append(choices[0])
                sink[index].weights.append(_without_graph(choices[1]))

        return listen


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
