"""Texts that are too long for an address, kept in memory under names that cannot be guessed."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from moe_viz.errors import InputError


class Limits(NamedTuple):
    """How much is kept; beyond any of these limits, the oldest texts are removed."""

    texts: int
    bytes: int
    """Size of all texts together, in UTF-8."""
    seconds: float
    """A text older than this is removed."""


class _Kept(NamedTuple):
    text: bytes
    since: float


class StoredTexts:
    """The texts. May be used from any thread."""

    def __init__(self, limits: Callable[[], Limits], clock: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._clock = limits, clock
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        """By name, the oldest first."""

    def keep(self, text: str) -> str:
        """Keep a text. Returns its name. Raises InputError if there is no room for it at all."""
        written, limits = text.encode("utf-8", "replace"), self._limits()
        if len(written) > limits.bytes:
            raise InputError(f"the text takes {len(written):,} bytes; a link's may take {limits.bytes:,}")
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._kept[name] = _Kept(written, self._clock())
            self._make_room(limits)
        return name

    def get(self, name: str) -> str | None:
        """The text of that name; None if it is not there, or no longer."""
        with self._lock:
            self._make_room(self._limits())
            kept = self._kept.get(name)
        return None if kept is None else kept.text.decode("utf-8")

    def _make_room(self, limits: Limits) -> None:
        taken, now = sum(len(kept.text) for kept in self._kept.values()), self._clock()
        for name, kept in list(self._kept.items()):
            old = now - kept.since > limits.seconds
            if not old and len(self._kept) <= limits.texts and taken <= limits.bytes:
                return
            del self._kept[name]
            taken -= len(kept.text)
