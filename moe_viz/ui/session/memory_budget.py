"""The memory that all sessions together may take for what pages show."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

from moe_viz.settings import settings


class Sized(Protocol):
    """A view that knows its size."""

    @property
    def bytes(self) -> int:
        """How much memory it takes, about."""


View = TypeVar("View", bound=Sized)


class Evictable(Generic[View]):
    """The holder of a view, which is taken from it when the memory budget is spent."""

    def __init__(self, view: View | None = None) -> None:
        self.view = view

    def evict(self) -> None:
        """Called by the memory budget: hold the view no longer."""
        self.view = None


class MemoryBudget:
    """At most this many bytes of views. May be used from any thread.

    The view that was used least recently is evicted first; the one that was used last stays, however large it is. A
    holder that no longer exists counts for nothing.
    """

    def __init__(self, most_bytes: Callable[[], int]) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._sizes: WeakKeyDictionary[Evictable[Any], int] = WeakKeyDictionary()
        """The least recently used first."""

    def touch(self, holder: Evictable[Any]) -> None:
        """The view of `holder` is used now: evict others until the budget is kept."""
        with self._lock:
            self._sizes.pop(holder, None)
            self._sizes[holder] = holder.view.bytes if holder.view else 0
            over = sum(self._sizes.values()) - self._most_bytes()
            for other, size in list(self._sizes.items())[:-1]:
                if over <= 0:
                    return
                if size:
                    other.evict()
                    self._sizes[other] = 0
                    over -= size


MEMORY_BUDGET = MemoryBudget(lambda: settings().results_megabytes * 10**6)
"""The budget for all that the sessions of this server have measured or opened."""
