"""Two ways of doing one thing, measured in turns, so that a busy machine slows both equally."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Ratio:
    """Time of one way divided by that of the other, from pairs measured directly after each other."""

    median: float
    low: float
    high: float
    pairs: int
    milliseconds: float
    """Median time of the way that is divided by."""

    def __str__(self) -> str:
        return f"{self.median:.3f} (95 % interval {self.low:.3f} to {self.high:.3f}, {self.pairs} pairs)"


@dataclass(frozen=True, eq=False)
class Way:
    """One way of doing the thing, and its preparation, which is not measured."""

    prepare: Callable[[], object]
    run: Callable[[], object]

    def seconds(self, repeats: int, clock: Callable[[], float]) -> float:
        """Time of `repeats` runs."""
        self.prepare()
        start = clock()
        for _ in range(repeats):
            self.run()
        return clock() - start


def paired_ratio(
    way: Way, base: Way, *, pairs: int, repeats: int, clock: Callable[[], float] = time.process_time
) -> Ratio:
    """Median ratio of `way` to `base` in CPU time, or by another `clock`, with a bootstrap interval of the median.

    Each pair runs both `repeats` times, in a random order.
    """
    way.seconds(1, clock), base.seconds(1, clock)  # warm up
    chance = random.Random(0)
    ratios, bases = [], []
    for _ in range(pairs):
        times = {one: one.seconds(repeats, clock) for one in chance.sample([way, base], 2)}
        ratios.append(times[way] / times[base])
        bases.append(times[base] / repeats)
    resampled = sorted(median(chance.choices(ratios, k=len(ratios))) for _ in range(1000))
    return Ratio(median(ratios), resampled[25], resampled[974], pairs, 1000 * median(bases))
