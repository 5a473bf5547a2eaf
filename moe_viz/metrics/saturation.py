"""How early in training a router settled on the experts that it ends with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.arrays import NO_EXPERT
from moe_viz.data.scores import Array


def router_saturation(expert_ids: NDArray[np.integer], final_ids: NDArray[np.integer]) -> Array:
    """Share of the final experts of each token that were chosen for it already, averaged over tokens, `[...]`.

    Both are `[... token slot]`. Chance is top_k / experts, 1 is reached at the end
    (OLMoE, arXiv 2409.02060, equation 5). Empty slots count for nothing.
    """
    kept = final_ids != NO_EXPERT
    same = (final_ids[..., :, None] == expert_ids[..., None, :]).any(axis=-1) & kept
    filled = np.maximum(kept.sum(axis=(-2, -1)), 1)
    shares: Array = same.sum(axis=(-2, -1)) / filled
    return shares
