"""The recordings of the bundled model's training, held once per server, within the memory budget."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from moe_viz.data.training_recording import TrainingRecording
from moe_viz.lessons.recorded import final, recording
from moe_viz.metrics.training import load_over_training, loss_over_training, routing_over_training
from moe_viz.ui.session.memory_budget import MEMORY_BUDGET, Evictable
from moe_viz.ui.session.trace_view import bytes_of


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording under its name, and its numbers, worked out once per server."""

    name: str
    file: str
    lapse: TrainingRecording

    @cached_property
    def routing(self) -> pd.DataFrame:
        """One row per frame and layer."""
        return routing_over_training(self.lapse)

    @cached_property
    def loss(self) -> pd.DataFrame:
        """One row per frame and kind of text."""
        return loss_over_training(self.lapse)

    @cached_property
    def loads(self) -> np.ndarray:
        """Each expert's share of its layer's assignments, `[frame site expert]`."""
        return load_over_training(self.lapse)

    @property
    def bytes(self) -> int:
        """How much memory it takes, with what was worked out of it so far."""
        return sum(map(bytes_of, list(vars(self).values())))


@dataclass(frozen=True, eq=False)
class _Both:
    recordings: tuple[Recording, ...]

    @property
    def bytes(self) -> int:
        return sum(recording.bytes for recording in self.recordings)


class _Recordings(Evictable[_Both]):
    """The recordings as read; the lessons use the same values, not a second copy."""

    def evict(self) -> None:
        super().evict()
        recording.cache_clear()
        final.cache_clear()


_RECORDINGS = _Recordings()


def recordings() -> tuple[Recording, ...]:
    """The bundled model's training, and the same without balancing; they count as just seen."""
    both = _RECORDINGS.view
    if both is None:
        named = (("With load balancing", "balanced"), ("Without load balancing", "unbalanced"))
        both = _RECORDINGS.view = _Both(tuple(Recording(name, file, recording(file)) for name, file in named))
    MEMORY_BUDGET.touch(_RECORDINGS)
    return both.recordings
