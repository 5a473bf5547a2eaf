"""How similar two routings are: of two texts, two domains, or two models of the same shape.

For the same tokens routed twice, `moe_viz.metrics.saturation` compares token by token.
"""

from __future__ import annotations

import numpy as np

from moe_viz.data.scores import Array
from moe_viz.metrics.domains import mutual_information
from moe_viz.metrics.load import load


def load_divergence(a: Array, b: Array) -> Array:
    """Jensen-Shannon divergence in bits between the loads of two counts `[... expert]`, `[...]`.

    0: the same load. 1: no expert in common. (Lin, IEEE Transactions on Information Theory 37,
    1991, equation 4.1: the information that an expert gives about which of the two it comes from.)
    Two samples never have quite the same load: compare it with the divergence of two halves of one text.
    """
    shares = np.nan_to_num(np.stack(np.broadcast_arrays(load(a), load(b)), axis=-2))
    there = shares.sum(axis=-1).min(axis=-1) > 0
    return np.where(there, mutual_information(shares), np.nan)


def domain_divergence(counts: Array) -> Array:
    """`load_divergence` between all pairs of domains, `[site domain domain]`, from `[domain site expert]`."""
    by_site = counts.swapaxes(0, 1)
    return load_divergence(by_site[:, :, None], by_site[:, None])


def load_distance(a: Array, b: Array) -> Array:
    """Total variation between the loads of two counts `[... expert]`, `[...]`: ½ Σ |share − share|.

    It is the share of one's work that the other gives to other experts. 0: the same load. 1: no expert
    in common. NaN where one has no assignment. As with `load_divergence`, two samples always differ a little.
    """
    return np.abs(load(a) - load(b)).sum(axis=-1, where=~np.isnan(a)) / 2
