"""One worker owns a model. Whoever wants a trace asks the engine; no other thread runs the model.

The worker's first task is to load the model, so that a page can be drawn while torch is
still being imported. Requests wait in a bounded queue and are answered, in order, with
immutable traces.
"""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal, TypeVar

from moe_viz.errors import InputError, MoeVizError
from moe_viz.model.info import ModelInfo, model_info
from moe_viz.trace import RoutingTrace

if TYPE_CHECKING:
    from moe_viz.model.moe_model import MoEModel

Answer = TypeVar("Answer")

MAX_TOKENS = 4096
"""Tokens in one trace, whatever the model's own context."""
MAX_CHARACTERS = 64 * MAX_TOKENS
"""Beyond this a text is refused before it is even tokenised."""
MAX_WAITING = 64
"""Requests that may be under way; more are turned away."""

_log = logging.getLogger(__name__)


class EngineError(MoeVizError, RuntimeError):
    """The engine cannot take or finish a request."""


class Engine:
    """A worker thread, its model and its queue."""

    def __init__(self, load: Callable[[], MoEModel]) -> None:
        """Start loading at once; `load` is called in the worker."""
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="moe_viz-engine")
        self._places = threading.BoundedSemaphore(MAX_WAITING)
        self._model = self._worker.submit(_prepared, load)
        self._info = self._worker.submit(lambda: model_info(self._model.result()))

    @property
    def state(self) -> Literal["loading", "ready", "failed"]:
        """Where the engine is in its life; `info` tells what failed."""
        if not self._info.done():
            return "loading"
        return "failed" if self._info.cancelled() or self._info.exception() else "ready"

    def info(self) -> ModelInfo:
        """The model's description. Waits until it is loaded; raises what loading raised."""
        return _result(self._info)

    def trace(self, text: str) -> RoutingTrace:
        """Trace a text in its turn. Raises InputError, EngineError, or what the model raised."""
        return _result(self.submit(text))

    def submit(self, text: str) -> Future[RoutingTrace]:
        """Ask for a trace without waiting for it. Raises InputError, EngineError if it cannot be taken."""
        if len(text) > MAX_CHARACTERS:
            raise InputError(f"the text has {len(text):,} characters; at most {MAX_CHARACTERS:,} are taken: shorten it")
        if not self._places.acquire(blocking=False):
            raise EngineError(f"{MAX_WAITING} requests are waiting already; try again in a moment")
        try:
            answer = self._worker.submit(self._trace, text)
        except RuntimeError:  # the executor was shut down
            self._places.release()
            raise EngineError("this model was unloaded; load it again") from None
        answer.add_done_callback(lambda _: self._places.release())
        return answer

    def close(self) -> None:
        """Let the model go. Requests that still wait are refused; the one that runs is finished."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _trace(self, text: str) -> RoutingTrace:
        model = self._model.result()
        tokens = model.tokenize(text)
        count = len(tokens.ids)
        if count > MAX_TOKENS:
            raise InputError(
                f"the text has {count:,} tokens; at most {MAX_TOKENS:,} are traced at once."
                f" Keep about the first {MAX_TOKENS / count:.0%} of it"
            )
        try:
            return model.trace_tokens(tokens)[0]
        except MoeVizError:
            raise
        except Exception as error:
            _log.exception("a forward pass failed")
            raise EngineError(f"the model failed on this text ({type(error).__name__}: {error})") from error


def _prepared(load: Callable[[], MoEModel]) -> MoEModel:
    # Set before torch is imported: idle OpenMP threads would spin and starve the pages' threads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        model = load()
    except MoeVizError:
        raise
    except Exception as error:  # whatever an import or a model class raises, a page must be able to say it
        _log.exception("loading failed")
        raise EngineError(f"the model could not be loaded ({type(error).__name__}: {error})") from error
    # torch and a model are half a million long-lived objects: spare the collector every visit.
    gc.collect()
    gc.freeze()
    return model


def _result(answer: Future[Answer]) -> Answer:
    try:
        return answer.result()
    except CancelledError:
        raise EngineError("this model was unloaded; load it again") from None
