"""The order in which a figure shows the experts of a router."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.scores import Array
from moe_viz.metrics.coactivation import tokens_of_both
from moe_viz.profiles.expert_profile import ExpertProfile

Order = NDArray[np.int64]
"""`[... expert]`: the expert at each place; each expert occurs once."""


def by_index(counts: Array) -> Order:
    """The order of their numbers, `[... expert]`."""
    return np.broadcast_to(np.arange(counts.shape[-1]), counts.shape).copy()


def by_load(counts: Array) -> Order:
    """The busiest expert first, `[... expert]`; experts that a site does not have come last."""
    return np.argsort(-np.nan_to_num(counts, nan=-1.0), axis=-1, kind="stable")


def by_coactivation(both: Array, counts: Array, tokens: int) -> Order:
    """Experts that the same tokens choose are placed side by side, `[expert]`.

    `both` `[expert expert]` and `counts` `[expert]`: how many of the `tokens` chose both experts, and each.
    Their phi coefficients (the correlation of choosing one with choosing the other) are
    clustered by average linkage (Sokal and Michener, 1958). Of the ways to place two clusters beside each
    other, the one whose touching ends are most alike is used (Gruvaeus and Wainer, British Journal
    of Mathematical and Statistical Psychology 25, 1972). Experts without a token come last. By index
    if no token has two experts.
    """
    if not both.any():
        return np.arange(len(counts))
    used = np.flatnonzero(counts > 0)
    share = counts[used] / tokens
    spread = np.sqrt(share * (1 - share))
    spreads = np.outer(spread, spread)
    above = both[np.ix_(used, used)] / tokens - np.outer(share, share)
    phi = np.divide(above, spreads, out=np.zeros_like(above), where=spreads > 0)
    return np.concatenate([used[_side_by_side(phi)], np.flatnonzero(~(counts > 0))])


def coactivation_order(profile: ExpertProfile) -> Order:
    """`by_coactivation` of each site of a profile, `[site expert]`; experts that a site does not have come last."""
    counts, tokens = profile.counts().sum(axis=0), int(profile.tokens.sum())
    order = by_index(counts)
    for site, router in enumerate(profile.sites):
        experts = router.num_experts
        order[site, :experts] = by_coactivation(tokens_of_both(profile, site), counts[site, :experts], tokens)
    return order


def _side_by_side(likeness: Array) -> list[int]:
    """The leaves of average linkage over `likeness [a a]`, oriented so that neighbours are alike."""
    leaves = [[leaf] for leaf in range(len(likeness))]
    means = likeness.copy()
    np.fill_diagonal(means, -np.inf)
    for _ in range(len(leaves) - 1):
        a, b = divmod(int(means.argmax()), len(means))
        one, two = leaves[a], leaves[b]
        leaves[a] = max(
            (left + right for left in (one, one[::-1]) for right in (two, two[::-1])),
            key=lambda joined: likeness[joined[len(one) - 1], joined[len(one)]],
        )
        leaves[b] = []
        means[a] = (len(one) * means[a] + len(two) * means[b]) / (len(one) + len(two))
        means[:, a] = means[a]
        means[a, a] = -np.inf
        means[b] = means[:, b] = -np.inf  # b is part of a now
    return next(joined for joined in leaves if joined)
