"""One worker owns a model. Traces are requested from the engine; no other thread runs the model.

The worker's first task is to load the model, so that a page can be drawn while torch is
still being imported. Requests wait in bounded queues, fair between sessions; answers are
immutable traces.
"""

from __future__ import annotations

import atexit
import gc
import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Literal, TypeVar
from weakref import WeakSet

from moe_viz.data.trace import RoutingTrace
from moe_viz.engine.batch import Request
from moe_viz.engine.job import Job
from moe_viz.engine.meter import Status
from moe_viz.engine.request_queues import UNLOADED, RequestQueues
from moe_viz.engine.worker import Worker
from moe_viz.errors import EngineError, InputError, MoeVizError
from moe_viz.model.info import ModelInfo, model_info
from moe_viz.model.running.sampling import Sampling
from moe_viz.settings import Settings, settings

if TYPE_CHECKING:
    from moe_viz.model.checkpoints.progress import LoadProgress
    from moe_viz.model.running.moe_model import MoEModel

Result = TypeVar("Result")
_log = logging.getLogger(__name__)
_LAST_SECONDS = 10.0
"""When Python ends, it waits at most this long for the passes that run."""


class Engine:
    """A model, the thread that runs it, and the requests to it. May be used from any thread."""

    def __init__(self, load: Callable[..., MoEModel], limits: Settings | None = None) -> None:
        """Start loading at once; `load(progress=...)` is called in the worker's thread."""
        self._limits = limits or settings()
        self._queues = RequestQueues(self._limits)
        self._info: Future[ModelInfo] = Future()
        self._worker: Worker | None = None
        self._progress: LoadProgress | None = None
        self._thread = threading.Thread(target=self._work, args=(load,), name="moe_viz-engine", daemon=True)
        self._thread.start()
        _ENGINES.add(self)

    @property
    def state(self) -> Literal["loading", "ready", "failed"]:
        """Where the engine is in its life; `info` tells what failed."""
        if not self._info.done():
            return "loading"
        return "failed" if self._info.exception() else "ready"

    @property
    def progress(self) -> LoadProgress | None:
        """The progress of loading."""
        return self._progress

    def info(self) -> ModelInfo:
        """The model's description. Waits until it is loaded; raises what loading raised."""
        return self._info.result()

    def status(self) -> Status:
        """What the engine is doing now."""
        queues, worker = self._queues, self._worker
        return queues.meter.status(self.state, len(queues.texts), worker.continuing if worker else 0, len(queues.jobs))

    def trace(self, text: str, owner: str = "") -> RoutingTrace:
        """Trace a text in its turn. Raises InputError, EngineError, or what the model raised."""
        return self.submit(text, owner).result()

    def submit(self, text: str, owner: str = "") -> Future[RoutingTrace]:
        """Ask for a trace without waiting for it; `owner` is the session, for the order of turns.

        Raises InputError, EngineError if it cannot be taken.
        """
        request = Request(self._checked(text), owner)
        self._queues.put(self._queues.texts, owner, request)
        return request.answer

    def use(self, work: Callable[[MoEModel], Result], owner: str = "") -> Future[Result]:
        """Do `work` with the model, in its turn among the texts: at most as much as one text's work at a time.

        Raises EngineError if it cannot be taken.
        """
        request = Request(self._checked(""), owner, work)
        self._queues.put(self._queues.texts, owner, request)
        return request.answer

    def generate(
        self,
        text: str,
        owner: str = "",
        *,
        max_new_tokens: int = 50,
        sampling: Sampling | None = None,
        chat: bool = False,
    ) -> Job:
        """Continue a text; with `chat`, as the answer to it. Raises InputError, EngineError if it cannot be taken."""
        most = self._limits.max_new_tokens
        if max_new_tokens > most:
            raise InputError(f"{max_new_tokens:,} new tokens were asked for; at most {most:,} are made at once")
        job = Job(self._checked(text), owner, max_new_tokens, sampling or Sampling(), chat, self._queues.jobs.remove)
        self._queues.put(self._queues.jobs, owner, job)
        return job

    def close(self) -> None:
        """Release the model; if it is still loading, stop that.

        Waiting requests are refused; the running pass is finished.
        """
        self._queues.close(EngineError(UNLOADED))

    def join(self, seconds: float) -> None:
        """Wait, at most this long, until nothing of a closed engine runs any more."""
        self._thread.join(seconds)

    def _checked(self, text: str) -> str:
        most = self._limits.max_characters
        if len(text) > most:
            raise InputError(f"the text has {len(text):,} characters; at most {most:,} are taken: shorten it")
        if self.state == "failed":
            self.info()
        return text

    def _loading(self, progress: LoadProgress) -> None:
        self._progress = progress
        if self._queues.closed:
            raise EngineError(UNLOADED)

    def _work(self, load: Callable[..., MoEModel]) -> None:
        """The worker's thread: load, then serve until the engine is closed."""
        try:
            model = _prepared(load, self._loading)
            self._info.set_result(model_info(model))
        except BaseException as error:  # noqa: BLE001 - a page must be able to say whatever it is
            failure = _loading_failed(error)
            self._info.set_exception(failure)
            self._queues.close(EngineError(str(failure)))
            return
        while True:
            self._worker = worker = Worker(model, self._queues)
            try:
                worker.run()
                break
            except BaseException as error:  # noqa: BLE001 - whatever it is, the next request must be served
                _log.exception("the worker failed")
                worker.fail(error)
                self._queues.meter.counted("restarts", kind=type(error).__name__)
        model.close()


_ENGINES: WeakSet[Engine] = WeakSet()


@atexit.register
def _end() -> None:
    """Close all engines. A thread that Python ends in the middle of a pass would abort the whole process."""
    engines = list(_ENGINES)
    for engine in engines:
        engine.close()
    until = time.monotonic() + _LAST_SECONDS
    for engine in engines:
        engine.join(max(0.0, until - time.monotonic()))


def _prepared(load: Callable[..., MoEModel], progress: Callable[[LoadProgress], None]) -> MoEModel:
    # Set before torch is imported: idle OpenMP threads would spin and starve the pages' threads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    model = load(progress=progress)
    # torch and a model are half a million long-lived objects: spare the collector every visit.
    gc.collect()
    gc.freeze()
    return model


def _loading_failed(error: BaseException) -> MoeVizError:
    if isinstance(error, MoeVizError):
        return error
    _log.error("loading failed", exc_info=error)
    return EngineError(f"the model could not be loaded ({type(error).__name__}: {error})")
