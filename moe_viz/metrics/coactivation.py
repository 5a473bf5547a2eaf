"""Which experts work on the same tokens, within a layer and from one layer to the next."""

from __future__ import annotations

import numpy as np
import pandas as pd

from moe_viz.data.scores import Array
from moe_viz.profiles.expert_profile import ExpertProfile

EXPECTED = 5
"""Counts are compared with chance only if chance alone would give at least this many tokens: Cochran's rule for
counts (Annals of Mathematical Statistics 23, 1952)."""
_ROUNDS = 500


def coactivation(profile: ExpertProfile, *, adjacent: bool = False) -> Array:
    """N_ij / N_i, `[site expert expert]`: the share of expert i's tokens that chose expert j too.

    OLMoE (arXiv 2409.02060, equation 6); rows sum to top_k − 1 where no slot is empty, and chance
    is (top_k − 1) / (experts − 1). With `adjacent` only pairs of neighbouring ranks count, as in the
    code that made the paper's figures. This gives less than the equation, and the difference grows
    with top_k. NaN on the diagonal and where expert i took no token.
    """
    ordered = profile.adjacent_pairs if adjacent else profile.pairs
    shares = _by_row(ordered + ordered.swapaxes(1, 2), profile)
    shares[:, np.arange(profile.experts), np.arange(profile.experts)] = np.nan
    return shares


def following_experts(profile: ExpertProfile) -> Array:
    """The share of expert i's tokens at a router that chose expert j at the next one, `[site-1 expert expert]`.

    Rows sum to the next router's top_k where no slot is empty. NaN where expert i took no token.
    """
    return _by_row(profile.transitions, profile, later=1)


def tokens_of_both(profile: ExpertProfile, site: int) -> Array:
    """How many tokens chose both expert i and expert j of one router, `[expert expert]`; 0 on the diagonal."""
    experts = profile.sites[site].num_experts
    better_first = profile.pairs[site, :experts, :experts]
    return (better_first + better_first.T).astype(np.float64)


def chance_of_both(both: Array) -> Array:
    """The number of tokens that would choose both experts if pairs were formed by chance, `[expert expert]`.

    Each expert keeps its number of pairs in `both`, and no expert is paired with itself, because no
    token chooses an expert twice: quasi-independence, a_i a_j off the diagonal (Goodman, Journal of the American
    Statistical Association 63, 1968), by iterative scaling. Plain independence, N_i N_j / N, would
    expect more pairs than there are: 1.9 times as many for 2 of 16.
    """
    margin = both.sum(axis=1)
    scale = margin / np.sqrt(max(margin.sum(), 1))
    for _ in range(_ROUNDS):
        others = scale.sum() - scale
        scaled = np.sqrt(scale * np.divide(margin, others, out=np.zeros_like(margin), where=others > 0))
        if np.allclose(scaled, scale, rtol=1e-9, atol=0):
            break
        scale = scaled
    expected = np.outer(scale, scale)
    np.fill_diagonal(expected, 0)
    return expected


def coactivation_table(profile: ExpertProfile, site: int) -> pd.DataFrame:
    """One row per ordered pair of a router's experts, sorted by expert and other.

    Columns: expert, other, tokens (that took both), share (of the expert's tokens: N_ij / N_i), as_coded
    (the same of neighbouring ranks alone), expected (tokens, by chance), lift (tokens / expected;
    NaN where fewer than `EXPECTED` are expected).
    """
    experts = profile.sites[site].num_experts
    both = tokens_of_both(profile, site)
    expected = chance_of_both(both)
    taken = profile.counts()[:, site, :experts].sum(axis=0)
    ranks = profile.adjacent_pairs[site, :experts, :experts]
    expert, other = np.nonzero(~np.eye(experts, dtype=np.bool_))

    def of_expert(pairs: Array) -> Array:
        return np.divide(pairs, taken[:, None], out=np.full(pairs.shape, np.nan), where=taken[:, None] > 0)

    lift = np.divide(both, expected, out=np.full(both.shape, np.nan), where=expected >= EXPECTED)
    return pd.DataFrame(
        {
            "expert": expert,
            "other": other,
            "tokens": both[expert, other].astype(np.int64),
            "share": of_expert(both)[expert, other],
            "as_coded": of_expert((ranks + ranks.T).astype(np.float64))[expert, other],
            "expected": expected[expert, other],
            "lift": lift[expert, other],
        }
    )


def _by_row(pairs: np.ndarray, profile: ExpertProfile, later: int = 0) -> Array:
    """Pairs divided by the tokens of the row's expert; NaN for experts that a site does not have."""
    taken = profile.counts().sum(axis=0)[: len(pairs), :, None]
    shares = np.divide(pairs, taken, out=np.full(pairs.shape, np.nan), where=taken > 0)
    for site, router in enumerate(profile.sites[later:]):
        shares[site, :, router.num_experts :] = np.nan
    return shares
