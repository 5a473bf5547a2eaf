"""Reading routers while a model runs: the logits where a router returns them, and the chosen experts
and gating weights where the experts receive them.

A `ListenedForward` follows the `forward` of each router and of each experts module, and its
listeners keep what they saw. They run inside all of PyTorch's hooks. So what is kept of the experts'
arguments is what the experts compute with, whatever a hook did to them before. It also costs half
of what hooks cost, because hooks send every call of their module down PyTorch's slow path (a cached
one-token step of the bundled model takes 1.02 times the plain step, with hooks 1.04 times).

The listeners are set once and stay idle. `Capture.recording` opens a sink for the forward passes
of the calling thread alone, so that two threads never see each other's tokens. Tensors stay on
their device until `readings.to_host`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from threading import RLock
from typing import Any

from torch import Tensor, nn

from moe_viz.data.router_site import RouterSite
from moe_viz.errors import StoppedError
from moe_viz.model.routers.discover import Router
from moe_viz.model.routers.extractors import EXTRACTORS
from moe_viz.model.routers.listened_forward import ListenedForward, Listener, listen_to
from moe_viz.model.routers.readings import Reading, to_host

_COUNTING = RLock()
"""Held while recordings begin and end."""


class Capture:
    """The listeners on a model's routers. They never change a value that passes.

    They go when they are removed, or when nothing refers to the capture any more.
    """

    def __init__(self, routers: Sequence[Router]) -> None:
        self._routers = routers
        self._rules = [router.rule for router in routers]
        self._read: tuple[object, tuple[RouterSite, ...]] = (None, ())
        self._thread = _Thread()
        self._places = [
            _Place(module, listen)
            for index, router in enumerate(routers)
            for module, listen in self._thread.listeners(index, router)
        ]
        self._recordings = 0
        weakref.finalize(self, _remove, self._places).atexit = False

    @property
    def sites(self) -> tuple[RouterSite, ...]:
        """The routers as they are now, in the order of their readings. They are read again where something changed."""
        tensors = [tensor for rule in self._rules for tensor in rule.tensors()]
        offloaded = any(tensor.is_meta for tensor in tensors)
        found = (
            None if offloaded else ([rule.values() for rule in self._rules], [a.tobytes() for a in to_host(tensors)])
        )
        if found is None or found != self._read[0]:
            self._read = found, tuple(rule.site() for rule in self._rules)
        return self._read[1]

    def install(self) -> None:
        """Set the listeners that are not set, or that somebody took off: one who put a module's own forward back."""
        for place in self._places:
            place.listen()

    def remove(self) -> None:
        """Take all listeners off the model."""
        _remove(self._places)

    @contextmanager
    def recording(self, stop: Callable[[], bool] | None = None) -> Iterator[list[Reading]]:
        """Record this thread's forward passes: one `Reading` per router, filled as they run.

        The next router raises StoppedError once `stop` returns True. An exception takes all
        listeners off the model, unless another thread is recording.
        """
        with _COUNTING:
            self._recordings += 1
            self.install()
        readings = [Reading() for _ in self._routers]
        sink, stopper = self._thread.sink.set(readings), self._thread.stop.set(stop)
        try:
            yield readings
        except BaseException:
            with _COUNTING:
                if self._recordings == 1:
                    self.remove()
            raise
        finally:
            with _COUNTING:
                self._recordings -= 1
            self._thread.sink.reset(sink)
            self._thread.stop.reset(stopper)


class _Thread:
    """Where each thread keeps what its forward passes show. It does not refer to the capture."""

    def __init__(self) -> None:
        self.sink: ContextVar[list[Reading] | None] = ContextVar("moe_viz_sink", default=None)
        self.stop: ContextVar[Callable[[], bool] | None] = ContextVar("moe_viz_stop", default=None)

    def listeners(self, index: int, router: Router) -> tuple[tuple[nn.Module, Listener], ...]:
        """The modules that show what a router does, with what listens to each; `index` is its place in the sink."""
        extractor, top_k, get_sink, get_stop = (
            EXTRACTORS[router.extractor],
            router.rule.top_k,
            self.sink.get,
            self.stop.get,
        )

        def logits(_args: Any, output: Any) -> None:
            sink = get_sink()
            if sink is not None:
                if (stop := get_stop()) is not None and stop():
                    raise StoppedError("the forward pass was stopped")
                read = output if isinstance(output, Tensor) else output[router.logits_index]
                sink[index].logits.append(_without_graph(extractor.logits(read) if extractor.logits else read))

        def choices(args: Any, output: Any) -> None:
            sink = get_sink()
            if sink is not None and (read := extractor.choices(sink[index], args, output, top_k)) is not None:
                sink[index].ids.append(read[0])
                sink[index].weights.append(_without_graph(read[1]))

        return (router.logits, logits), (router.router if extractor.at_router else router.experts, choices)


class _Place:
    """A module and what listens to it, when it is set."""

    def __init__(self, module: nn.Module, listener: Listener) -> None:
        self._module, self._listener = module, listener
        self._forward: ListenedForward | None = None

    def listen(self) -> None:
        if self._forward is None or not self._forward.hears(self._listener):
            self.remove()
            self._forward = listen_to(self._module, self._listener)

    def remove(self) -> None:
        if self._forward is not None:
            self._forward.remove(self._listener)
            self._forward = None


def _remove(places: list[_Place]) -> None:
    for place in places:
        place.remove()


def _without_graph(tensor: Tensor) -> Tensor:
    """The tensor without what autograd knows of it; in inference mode there is nothing to take off."""
    return tensor.detach() if tensor.requires_grad else tensor
