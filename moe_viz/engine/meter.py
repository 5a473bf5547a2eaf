"""What an engine is doing, in numbers; no person's text is kept."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from dataclasses import dataclass

import psutil

_LAST = 256
_PRESENT_SECONDS = 300.0
_log = logging.getLogger("moe_viz.engine")


@dataclass(frozen=True)
class Status:
    """An engine at one moment. The lists hold its last few hundred requests, oldest first."""

    state: str
    uptime_seconds: float
    waiting: int
    """Texts that wait to be traced."""
    generating: int
    waiting_generations: int
    answered: int
    failed: int
    refused: int
    restarts: int
    sessions: int
    """Sessions that asked for something in the last five minutes."""
    batches: tuple[int, ...]
    """Texts in each forward pass."""
    seconds: tuple[float, ...]
    """From request to answer, for each traced text."""
    memory_bytes: int
    """Resident memory of the whole process."""


class Meter:
    """Counts what an engine does, and logs it: one line of JSON per event, without any person's text."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._born = time.monotonic()
        self._counts = {"answered": 0, "failed": 0, "refused": 0, "restarts": 0}
        self._batches: deque[int] = deque(maxlen=_LAST)
        self._seconds: deque[float] = deque(maxlen=_LAST)
        self._owners: dict[str, float] = {}

    def asked(self, owner: str) -> None:
        """A session asked for something."""
        now = time.monotonic()
        with self._lock:
            self._owners[owner] = now
            if len(self._owners) > 2 * _LAST:
                self._owners = {o: t for o, t in self._owners.items() if now - t < _PRESENT_SECONDS}

    def passed(self, texts: int, tokens: int, seconds: float) -> None:
        """A forward pass over this many texts is done."""
        with self._lock:
            self._batches.append(texts)
        log("pass", texts=texts, tokens=tokens, seconds=round(seconds, 4))

    def answered(self, seconds: float) -> None:
        """A text was traced, this many seconds after the request."""
        with self._lock:
            self._counts["answered"] += 1
            self._seconds.append(seconds)

    def counted(self, what: str, **facts: object) -> None:
        """One more of what `Status` counts: "failed", "refused", "restarts"."""
        with self._lock:
            self._counts[what] += 1
        log(what, **facts)

    def status(self, state: str, waiting: int, generating: int, waiting_generations: int) -> Status:
        """The numbers as they are now."""
        now = time.monotonic()
        with self._lock:
            return Status(
                state=state,
                uptime_seconds=now - self._born,
                waiting=waiting,
                generating=generating,
                waiting_generations=waiting_generations,
                **self._counts,
                sessions=sum(now - seen < _PRESENT_SECONDS for seen in self._owners.values()),
                batches=tuple(self._batches),
                seconds=tuple(self._seconds),
                memory_bytes=psutil.Process().memory_info().rss,
            )


def log(event: str, **facts: object) -> None:
    """Write one event to the log, as JSON."""
    if _log.isEnabledFor(logging.INFO):
        _log.info(json.dumps({"event": event, **facts}))
