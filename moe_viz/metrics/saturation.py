"""How early in training a router settled on its final experts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.arrays import NO_EXPERT
from moe_viz.data.scores import Array


def router_saturation(expert_ids: NDArray[np.integer], final_ids: NDArray[np.integer]) -> Array:
    """Share of each token's final experts that were already chosen for it, averaged over tokens, `[...]`.

    Both arrays are `[... token slot]`. Chance is top_k / experts; the value at the end is 1
    (OLMoE, arXiv 2409.02060, equation 5). Empty slots are not counted.
    """
    kept = final_ids != NO_EXPERT
    same = (final_ids[..., :, None] == expert_ids[..., None, :]).any(axis=-1) & kept
    filled = np.maximum(kept.sum(axis=(-2, -1)), 1)
    shares: Array = same.sum(axis=(-2, -1)) / filled
    return shares
