"""Texts on their way through the engine to a profile, in the background."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import NamedTuple

from moe_viz.data.provenance import Provenance
from moe_viz.data.trace import RoutingTrace
from moe_viz.engine import Engine
from moe_viz.errors import EngineError, InputError, MoeVizError
from moe_viz.profiles.corpus_run import CorpusRun
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.profiles.merge import merged
from moe_viz.settings import settings

Texts = Mapping[str, Sequence[str]]
"""By domain."""

CHARACTERS = 4000
"""Of each text so many characters are read; fewer where the model cannot read as many."""
_SHORTEST = 64
"""A text that cannot be read is tried again by its first half, down to so many characters."""
_PARTS = 32
"""Counts of texts are added up when there are so many."""
_PATIENCE = 60.0
"""An engine may be too busy to take any text for so many seconds."""
_GLANCE = 0.25
"""How often a wait looks whether it is to stop, in seconds."""

_log = logging.getLogger(__name__)


class Measuring:
    """A profile under way, or what came of it. When nobody holds it any more, it stops."""

    def __init__(self, engine: Engine, owner: str, corpus: str, texts: Texts) -> None:
        """Start at once. `owner` is the session's name at the engine; `corpus` says in words what the texts are."""
        self.texts = texts
        self._work = work = _Work(engine, owner, corpus, texts)
        weakref.finalize(self, work.stopping.set)
        threading.Thread(target=work.measure, name="moe_viz-profile", daemon=True).start()

    @property
    def over(self) -> bool:
        """Whether it is finished, stopped or failed."""
        return self._work.over.is_set()

    @property
    def profile(self) -> ExpertProfile | None:
        """What was counted, once it is over; None if nothing was."""
        return self._work.profile

    @property
    def error(self) -> str | None:
        """Why it ended before its time."""
        return self._work.error

    @property
    def total(self) -> int:
        """How many texts there are."""
        return self._work.total

    @property
    def done(self) -> int:
        """How many of them were read, or left out because they are empty."""
        return self._work.documents + self._work.skipped

    @property
    def tokens(self) -> int:
        """How many tokens were counted."""
        return self._work.tokens

    @property
    def remaining(self) -> float | None:
        """Seconds to go, at the pace so far; None before there is one."""
        if not self.done:
            return None
        return (time.monotonic() - self._work.began) * (self.total - self.done) / self.done

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._work.stopping.is_set()

    def stop(self) -> None:
        """End it; what is counted stays."""
        self._work.stopping.set()


def in_turn(texts: Texts) -> Iterator[tuple[str, str]]:
    """A text of each domain, then the next of each: what is stopped early has something of all."""
    for number in range(max(map(len, texts.values()), default=0)):
        for domain, own in texts.items():
            if number < len(own):
                yield domain, own[number][:CHARACTERS]


class _Asked(NamedTuple):
    domain: str
    text: str
    answer: Future[RoutingTrace]


class _Work:
    """What the thread does; it knows nothing of who looks at it."""

    def __init__(self, engine: Engine, owner: str, corpus: str, texts: Texts) -> None:
        self.stopping, self.over = threading.Event(), threading.Event()
        self.began = time.monotonic()
        self.documents = self.skipped = self.tokens = 0
        self.profile: ExpertProfile | None = None
        self.error: str | None = None
        self._engine, self._owner, self._corpus = engine, owner, corpus
        self._left = deque(in_turn(texts))
        self.total = len(self._left)
        self._asked: deque[_Asked] = deque()
        self._parts: list[ExpertProfile] = []
        self._provenance: Provenance | None = None

    def measure(self) -> None:
        """Read all texts, a few at the engine at a time, so that others have their turn."""
        try:
            while self._ask():
                self._take(self._asked[0])
        except MoeVizError as error:
            self.error = str(error)
        except Exception as error:  # noqa: BLE001 - a page must be able to say whatever it is
            _log.exception("measuring failed")
            self.error = f"measuring failed ({type(error).__name__}: {error})"
        for asked in self._asked:
            asked.answer.cancel()
        if self._parts:
            self._add_up(complete=not self._left and not self._asked and self.error is None)
            self.profile = self._parts[0]
        elif self.error is None and not self.stopping.is_set():
            self.error = "there is no text in what was brought; write or upload some"
        self.over.set()

    def _ask(self) -> bool:
        """Have as many texts wait as may. Returns whether there is one to wait for."""
        most, until = max(1, settings().session_requests // 2), time.monotonic() + _PATIENCE
        while self._left and len(self._asked) < most and not self.stopping.is_set():
            domain, text = self._left[0]
            try:
                self._asked.append(_Asked(domain, text, self._engine.submit(text, self._owner)))
                self._left.popleft()
            except EngineError:
                if self._asked:
                    break
                if time.monotonic() > until or self._engine.state == "failed":
                    raise
                self.stopping.wait(_GLANCE)
        return bool(self._asked) and not self.stopping.is_set()

    def _take(self, asked: _Asked) -> None:
        """Count the answer if it is there; come back later if it is not."""
        try:
            trace = asked.answer.result(timeout=_GLANCE)
        except TimeoutError:
            return
        except InputError:
            self._asked.popleft()
            if len(asked.text) < _SHORTEST or not asked.text.strip():
                self.skipped += 1
            else:
                self._left.appendleft((asked.domain, asked.text[: len(asked.text) // 2]))
            return
        self._asked.popleft()
        self._parts.append(ExpertProfile.of_traces({asked.domain: [trace]}))
        self._provenance = self._provenance or trace.provenance
        self.documents += 1
        self.tokens += len(trace)
        if len(self._parts) >= _PARTS:
            self._add_up(complete=False)

    def _add_up(self, complete: bool) -> None:
        assert self._provenance is not None
        counts = (self.documents, self.skipped, self.tokens)
        run = CorpusRun(self._provenance, self._corpus, None, None, *counts, digest="", complete=complete)
        self._parts = [merged(self._parts, (run,))]
