"""What a session looks at: one trace, and the continuation by which it grows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from moe_viz.errors import EngineError
from moe_viz.ui.session.memory_budget import MEMORY_BUDGET, Evictable
from moe_viz.ui.session.trace_view import TraceView

if TYPE_CHECKING:
    from moe_viz.data.trace import RoutingTrace
    from moe_viz.engine import Engine, Job
    from moe_viz.model.running.sampling import Sampling

_BYTES_A_SECOND = 1_000_000
"""At most this much is sent to a page while a trace grows: a long one is redrawn less often."""


@dataclass(frozen=True)
class Continuation:
    """How a text is to be continued."""

    new_tokens: int
    sampling: Sampling
    chat: bool


@dataclass(frozen=True)
class TextRequest:
    """What was asked of the model, kept so that it can be asked again."""

    text: str
    continuation: Continuation | None = None


class TextSession(Evictable[TraceView]):
    """What one session asked for, and what came of it."""

    def __init__(self) -> None:
        super().__init__()
        self.owner = uuid4().hex
        """The session's name at the engine."""
        self.asked: TextRequest | None = None
        """Where `shown` came from; None if it was opened from a file."""
        self.job: Job | None = None
        """The continuation that is running."""
        self.ended: Job | None = None
        """The continuation that `shown` came from, once it is over."""
        self.stopped = False
        """Whether the last continuation was stopped from this page, and not because no page read it."""
        self.failure: str | None = None
        """Why the last request failed."""
        self.gone = False
        """Whether the view was evicted from memory."""
        self._pending: TextRequest | None = None
        self._stream = ""
        self._taken = 0.0

    def show(self, shown: TraceView, asked: TextRequest | None) -> None:
        """Look at another trace; a continuation that was running is stopped."""
        self.stop()
        self.job = self.ended = self.failure = None
        self._put(shown, asked)

    def fail(self, reason: str) -> None:
        """Say why the request failed; what was shown stays."""
        self.failure = reason

    def begin(self, engine: Engine, asked: TextRequest) -> None:
        """Continue a text, and show it from now on; what was shown stays until the first token is read.

        Raises InputError, EngineError if it cannot be taken.
        """
        how = asked.continuation
        assert how is not None
        job = engine.generate(
            asked.text, self.owner, max_new_tokens=how.new_tokens, sampling=how.sampling, chat=how.chat
        )
        self.stop()
        self.job, self.ended, self.failure, self.stopped = job, None, None, False
        self._pending, self._stream, self._taken = asked, uuid4().hex, 0.0

    def stop(self) -> None:
        """Stop the running continuation, if there is one; what was generated stays."""
        if self.job:
            self.stopped = True
            self.job.stop()

    def look(self) -> bool:
        """Show what the continuation has generated so far. Returns whether it is still running."""
        job = self.job
        if job is None:
            return False
        going = job.state in {"waiting", "running"}  # before the trace, which is then whole
        if not going or self._due(job):
            trace = job.trace()
            if trace is not None:
                self._grow(trace, job, going)
        if not going:
            self.job = None
            self.ended = job
            if job.error:
                self.fail(str(job.error))
        return going

    def file(self) -> bytes:
        """What is shown, as a `.moetrace` file. Raises EngineError if it was evicted."""
        if self.view is None:
            raise EngineError("this trace is no longer kept; measure it again")
        return self.view.trace.to_bytes()

    def evict(self) -> None:
        super().evict()
        self.stop()
        self.gone = True

    def _put(self, shown: TraceView, asked: TextRequest | None) -> None:
        self.view, self.asked, self.gone = shown, asked, False
        MEMORY_BUDGET.touch(self)

    def _due(self, job: Job) -> bool:
        """Whether there are new tokens, and it is time to show them."""
        shown = self._same_stream()
        if shown is None:
            return True
        more = job.generated > int(shown.trace.generated.sum())
        return more and time.monotonic() - self._taken >= len(shown.payload) / _BYTES_A_SECOND

    def _grow(self, trace: RoutingTrace, job: Job, going: bool) -> None:
        before = self._same_stream()
        prompt = len(trace) - int(trace.generated.sum())
        shown = TraceView(
            trace,
            "measured",
            None,
            stream=self._stream,
            expected=prompt + job.max_new_tokens if going else 0,
            before=before.colours if before else None,
        )
        self._taken = time.monotonic()
        self._put(shown, self._pending)

    def _same_stream(self) -> TraceView | None:
        """What is shown, if it is an earlier moment of the running continuation."""
        shown = self.view
        return shown if shown is not None and shown.stream == self._stream != "" else None
