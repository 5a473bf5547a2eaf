"""A queue that is fair between sessions: each has its turn, however many requests another makes."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import Generic, TypeVar

from moe_viz.errors import EngineError

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """Items in the order of their owners' turns. May be used from any thread."""

    def __init__(self, most: int, most_each: int) -> None:
        """Hold at most `most` items, and at most `most_each` of one owner."""
        self._most = most
        self._most_each = most_each
        self._lock = threading.Lock()
        self._owners: OrderedDict[str, deque[Item]] = OrderedDict()

    def __len__(self) -> int:
        with self._lock:
            return sum(map(len, self._owners.values()))

    def put(self, owner: str, item: Item) -> None:
        """Add an item of `owner`. Raises EngineError if there is no room."""
        with self._lock:
            if sum(map(len, self._owners.values())) >= self._most:
                raise EngineError(f"{self._most} requests are waiting already; try again in a moment")
            own = self._owners.setdefault(owner, deque())
            if len(own) >= self._most_each:
                raise EngineError(f"{self._most_each} of your requests are waiting already; try again when one is done")
            own.append(item)

    def peek(self) -> Item | None:
        """The item whose turn it is; None if there is none."""
        with self._lock:
            return next((own[0] for own in self._owners.values()), None)

    def take(self) -> Item | None:
        """Take the item whose turn it is; its owner goes to the end of the line."""
        with self._lock:
            if not self._owners:
                return None
            owner, own = self._owners.popitem(last=False)
            item = own.popleft()
            if own:
                self._owners[owner] = own
            return item

    def remove(self, item: Item) -> None:
        """Take an item out of the line, if it is still in it."""
        with self._lock:
            for owner, own in self._owners.items():
                if item in own:
                    own.remove(item)
                    if not own:
                        del self._owners[owner]
                    return

    def drain(self) -> list[Item]:
        """Take all."""
        with self._lock:
            items = [item for own in self._owners.values() for item in own]
            self._owners.clear()
            return items
