"""How much of what pages show is kept in memory, of all sessions together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

from moe_viz.settings import settings


class Sized(Protocol):
    """Something to show."""

    @property
    def bytes(self) -> int:
        """How much memory it takes, about."""


Something = TypeVar("Something", bound=Sized)


class Evictable(Generic[Something]):
    """Whoever holds something to show, for as long as there is room for it."""

    def __init__(self, shown: Something | None = None) -> None:
        self.view = shown

    def evict(self) -> None:
        """Called when there is no room any more: hold it no longer."""
        self.view = None


class MemoryBudget:
    """MemoryBudget for so many bytes of what is shown. May be used from any thread.

    Whoever was seen least recently lets go first; whoever was seen last keeps what it has,
    however large it is. A holder that no longer exists takes no room.
    """

    def __init__(self, most_bytes: Callable[[], int]) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._sizes: WeakKeyDictionary[Evictable[Any], int] = WeakKeyDictionary()
        """The least recently seen first."""

    def touch(self, holder: Evictable[Any]) -> None:
        """Somebody looks at what `holder` has; make room for it."""
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
"""For all that the sessions of this server have measured or opened."""
