"""Work of many steps with a model, beside the engine's worker: other requests run between two steps."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from moe_viz.errors import EngineError, MoeVizError, StoppedError

if TYPE_CHECKING:
    from moe_viz.model.running.moe_model import MoEModel

_PATIENCE = 60.0
"""An engine may be too busy to take a step for at most this many seconds."""
_GLANCE = 0.25
"""How often a wait checks whether to stop, in seconds."""

Result = TypeVar("Result")
Answer = TypeVar("Answer")
_log = logging.getLogger(__name__)


class StepEngine(Protocol):
    """What a job needs of an engine."""

    def use(self, work: Callable[[MoEModel], Answer], owner: str) -> Future[Answer]:
        """Do `work` with the model, in its turn. Raises EngineError if it cannot be taken."""


class Steps(Generic[Result]):
    """What the work of a `Background` gets: access to the model, and a place for its progress and result."""

    def __init__(self, engine: StepEngine, owner: str) -> None:
        self.stopping, self.over = threading.Event(), threading.Event()
        self.began = time.monotonic()
        self.done = 0
        """How much of the total is done."""
        self.tokens = 0
        """How many tokens were read."""
        self.result: Result | None = None
        """What there is so far; it stays when the work is stopped, or fails."""
        self.failure: str | None = None
        self._engine, self._owner = engine, owner

    def use(self, step: Callable[[MoEModel], Answer]) -> Answer:
        """The result of `step` with the model, in the owner's turn. One step is at most as much work as one text.

        Raises StoppedError if the work is to stop, EngineError if the engine does not take it, and what `step` raises.
        """
        answer = self._asked(step)
        while not self.stopping.is_set():
            try:
                return answer.result(timeout=_GLANCE)
            except TimeoutError:
                continue
        answer.cancel()
        raise StoppedError("stopped")

    def _asked(self, step: Callable[[MoEModel], Answer]) -> Future[Answer]:
        until = time.monotonic() + _PATIENCE
        while not self.stopping.is_set():
            try:
                return self._engine.use(step, self._owner)
            except EngineError:
                if time.monotonic() > until:
                    raise
                self.stopping.wait(_GLANCE)
        raise StoppedError("stopped")

    def run(self, work: Callable[[Steps[Result]], None], name: str) -> None:
        """Do the work; an error that ends it is kept as a sentence."""
        try:
            work(self)
        except StoppedError:
            pass
        except MoeVizError as error:
            self.failure = str(error)
        except Exception as error:  # noqa: BLE001 - a page must be able to say whatever it is
            _log.exception("%s failed", name)
            self.failure = f"{name} failed ({type(error).__name__}: {error})"
        self.over.set()


class Background(Generic[Result]):
    """A running job, or its result. It stops when no reference to it is left. May be used from any thread."""

    def __init__(
        self, engine: StepEngine, owner: str, work: Callable[[Steps[Result]], None], *, total: int, name: str
    ) -> None:
        """Start at once.

        `owner` is the session's name at the engine. `work` does all of its steps through `Steps.use`, and puts what
        comes of them into `Steps.result`. `total` is how much there is to do, in the unit of `Steps.done`; `name` says
        in a word or two what it is.
        """
        self.total = total
        self._steps: Steps[Result] = Steps(engine, owner)
        weakref.finalize(self, self._steps.stopping.set)
        threading.Thread(target=self._steps.run, args=(work, name), name=f"moe_viz-{name}", daemon=True).start()

    @property
    def over(self) -> bool:
        """Whether it is finished, stopped or failed."""
        return self._steps.over.is_set()

    @property
    def result(self) -> Result | None:
        """Its result, once it is over; None if there is none."""
        return self._steps.result if self.over else None

    @property
    def failure(self) -> str | None:
        """Why it ended early; None if it did not, or was stopped."""
        return self._steps.failure

    @property
    def done(self) -> int:
        """How much of `total` is done."""
        return self._steps.done

    @property
    def tokens(self) -> int:
        """How many tokens were read."""
        return self._steps.tokens

    @property
    def share(self) -> float:
        """Its progress, 0 to 1."""
        return self.done / max(1, self.total)

    @property
    def remaining(self) -> float | None:
        """Seconds left at the pace so far; None before the pace is known."""
        if not self.done:
            return None
        return (time.monotonic() - self._steps.began) * (self.total - self.done) / self.done

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._steps.stopping.is_set()

    def stop(self) -> None:
        """End it; the result so far stays."""
        self._steps.stopping.set()
