"""How much memory a model needs, which device can hold it, and how fast its experts could be fetched."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from moe_viz.lessons.sizes import Sizes

BITS = MappingProxyType({"float32": 32, "bfloat16": 16, "float8 / int8": 8, "int4": 4})
"""Bits per weight, without the scales that a packed format adds."""
DEVICES = MappingProxyType(
    {
        "laptop, 16 GB": 16,
        "RTX 4090, 24 GB": 24,
        "A100 or H100, 80 GB": 80,
        "H200, 141 GB": 141,
        "8 × H100, 640 GB": 640,
        "8 × H200, 1,128 GB": 1128,
    }
)
"""Gigabytes of memory, as their makers state them."""


def gigabytes(weights: int, bits: int) -> float:
    """Memory of `weights` weights, in 10⁹ bytes."""
    return weights * bits / 8 / 1e9


def fetched_per_token(sizes: Sizes, bits: int) -> float:
    """Gigabytes of experts that one token needs, if they were all fetched for it."""
    return gigabytes(sizes.routed_per_token, bits)


def tokens_until_all(expert_ids: NDArray[np.integer], experts: int) -> NDArray[np.int64]:
    """How many tokens are read until every expert of a layer has been used, `[site]`; −1 if this never happens.

    `expert_ids` `[site token slot]`, in the order of reading.
    """
    result = []
    for site in expert_ids:
        first = [np.flatnonzero((site == expert).any(axis=1))[:1] for expert in range(experts)]
        result.append(max(int(at[0]) for at in first) + 1 if all(len(at) for at in first) else -1)
    return np.array(result)
