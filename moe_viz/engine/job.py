"""A text that the engine continues: its progress, and how to stop it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from moe_viz.data.trace import RoutingTrace
from moe_viz.errors import MoeVizError

if TYPE_CHECKING:
    from moe_viz.model.running.generation import End, Generation
    from moe_viz.model.running.sampling import Sampling

State = Literal["waiting", "running", "ended", "stopped", "failed"]


class Job:
    """A generation that an engine runs. May be used from any thread.

    A job ends by itself after a while if no page reads it (`trace`, `state`).
    """

    def __init__(
        self,
        text: str,
        owner: str,
        max_new_tokens: int,
        sampling: Sampling,
        chat: bool,
        withdraw: Callable[[Job], None],
    ) -> None:
        self.text = text
        self.owner = owner
        self.max_new_tokens = max_new_tokens
        self.sampling = sampling
        self.chat = chat
        """Whether the text is put into the tokenizer's chat template, as a user's turn."""
        self.stopping = threading.Event()
        self.error: MoeVizError | None = None
        self._withdraw = withdraw
        self._generation: Generation | None = None
        self._seen = time.monotonic()
        self._began: float | None = None
        self._finished: float | None = None

    @property
    def state(self) -> State:
        """Where the job is in its life."""
        self._seen = time.monotonic()
        if self.error is not None:
            return "failed"
        if self._finished is not None:
            return "ended" if self.end not in (None, "stopped") else "stopped"
        if self._generation is None:
            return "stopped" if self.stopping.is_set() else "waiting"
        return "running"

    @property
    def end(self) -> End | None:
        """Why no more tokens come; None while more may come."""
        return None if self._generation is None else self._generation.ended

    def trace(self) -> RoutingTrace | None:
        """What was read so far; None before the text itself was read."""
        self._seen = time.monotonic()
        return self._generation.trace() if self._generation is not None and self._generation.begun else None

    @property
    def generated(self) -> int:
        """How many tokens were generated and read."""
        return 0 if self._generation is None else self._generation.generated

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens generated per second since the text itself was read; None before the first."""
        if self._began is None or not self.generated:
            return None
        return self.generated / max((self._finished or time.monotonic()) - self._began, 1e-6)

    def stop(self) -> None:
        """End it; what was generated stays. The model stops at its next layer, or at once if it had not begun."""
        self.stopping.set()
        self._withdraw(self)

    def abandoned(self, seconds: float) -> bool:
        """Whether no page has read it for this long."""
        return time.monotonic() - self._seen > seconds

    def take(self, generation: Generation) -> None:
        """Called by the engine: the job has its turn."""
        self._generation = generation

    def begin(self) -> None:
        """Called by the engine: the text itself was read."""
        self._began = time.monotonic()

    def finish(self, error: MoeVizError | None = None) -> None:
        """Called by the engine: no more tokens come."""
        self.error = error
        self._finished = time.monotonic()
