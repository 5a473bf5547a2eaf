"""What happens if an expert may take only a limited number of a batch's tokens."""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.arrays import NO_EXPERT

Flags = NDArray[np.bool_]


def capacity(tokens: int, top_k: int, experts: int, factor: float) -> int:
    """How many tokens one expert may take: `factor` times an even share, rounded up (arXiv 2101.03961, eq. 3)."""
    return ceil(factor * tokens * top_k / experts)


def lost(expert_ids: NDArray[np.integer], experts: int, room: int) -> Flags:
    """Which choices find their expert full, `[token slot]`, from choices `expert_ids` `[token slot]`.

    All first choices are served before all second choices; among these, earlier tokens are served first
    (GShard, arXiv 2006.16668, algorithm 1; Switch has only first choices).
    """
    full = np.zeros(expert_ids.shape, dtype=np.bool_)
    taken = np.zeros(experts, dtype=np.int64)
    for slot in range(expert_ids.shape[1]):
        for token, expert in enumerate(expert_ids[:, slot]):
            if expert == NO_EXPERT:
                continue
            full[token, slot] = taken[expert] >= room
            taken[expert] += not full[token, slot]
    return full


def without(expert_ids: NDArray[np.integer], full: Flags) -> Flags:
    """Which tokens are left without any expert, `[token]`."""
    alone: Flags = np.all(full | (expert_ids == NO_EXPERT), axis=1)
    return alone


def expert_choice(scores: NDArray[np.floating], room: int) -> Flags:
    """Which tokens each expert takes if experts choose, `[token expert]`, from scores `[token expert]`.

    Every expert takes the `room` tokens that score highest with it (arXiv 2202.09368).
    """
    order = np.argsort(-scores, axis=0, kind="stable")[: min(room, len(scores))]
    taken = np.zeros(scores.shape, dtype=np.bool_)
    np.put_along_axis(taken, order, True, axis=0)
    return taken
