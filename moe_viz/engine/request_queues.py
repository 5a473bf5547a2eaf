"""Where requests wait for the worker."""

from __future__ import annotations

import threading
import time
from typing import TypeVar

from moe_viz.engine.batch import Request
from moe_viz.engine.fair_queue import FairQueue
from moe_viz.engine.job import Job
from moe_viz.engine.meter import Meter
from moe_viz.errors import EngineError
from moe_viz.settings import Settings

UNLOADED = "this model was unloaded; load it again"
Item = TypeVar("Item", Request, Job)


class RequestQueues:
    """The queues of one engine, and the event that wakes its worker."""

    def __init__(self, limits: Settings) -> None:
        self.limits = limits
        self.meter = Meter()
        self.texts: FairQueue[Request] = FairQueue(limits.max_waiting, limits.session_requests)
        self.jobs: FairQueue[Job] = FairQueue(limits.max_waiting, limits.session_requests)
        self._bell = threading.Condition()
        self._closed: EngineError | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing is served any more."""
        return self._closed is not None

    def put(self, queue: FairQueue[Item], owner: str, item: Item) -> None:
        """Accept a request. Raises EngineError if there is no room, or no worker any more."""
        self.meter.asked(owner)
        with self._bell:
            try:
                if self._closed is not None:
                    raise self._closed
                queue.put(owner, item)
            except EngineError:
                self.meter.counted("refused")
                raise
            self._bell.notify()

    def wait(self, busy: bool) -> bool:
        """Wait until there is something to do, unless the worker is busy. Returns False once the queues are closed.

        A single text waits a little for others: reading texts together is faster.
        """
        with self._bell:
            if not busy:
                self._bell.wait_for(lambda: self._closed or len(self.texts) or len(self.jobs))
                until = time.monotonic() + self.limits.batch_wait_milliseconds / 1000
                while not self._closed and 0 < len(self.texts) < self.limits.batch_texts:
                    if not self._bell.wait(until - time.monotonic()):
                        break
            return self._closed is None

    def close(self, reason: EngineError) -> None:
        """Refuse all requests that wait and all that come later."""
        with self._bell:
            self._closed = self._closed or reason
            self._bell.notify()
        for request in self.texts.drain():
            if request.answer.set_running_or_notify_cancel():
                request.answer.set_exception(reason)
        for job in self.jobs.drain():
            job.finish(reason)
