"""Which experts work on the same tokens, within a layer and from one to the next."""

from __future__ import annotations

import numpy as np

from moe_viz.metrics.scores import Array
from moe_viz.profiles.value import ExpertProfile


def coactivation(profile: ExpertProfile, *, adjacent: bool = False) -> Array:
    """N_ij / N_i, `[site expert expert]`: of the tokens that took expert i, the share that took j too.

    OLMoE (arXiv 2409.02060, equation 6); rows sum to top_k − 1 where no slot is empty, and chance
    is (top_k − 1) / (experts − 1). With `adjacent` only pairs of neighbouring ranks count, as in the
    code that made the paper's figures: less than the equation, the more so the larger top_k.
    NaN on the diagonal and where expert i took no token.
    """
    ordered = profile.adjacent_pairs if adjacent else profile.pairs
    shares = _by_row(ordered + ordered.swapaxes(1, 2), profile)
    shares[:, np.arange(profile.experts), np.arange(profile.experts)] = np.nan
    return shares


def following_experts(profile: ExpertProfile) -> Array:
    """Of the tokens that took expert i at a router, the share that took j at the next one, `[site-1 expert expert]`.

    Rows sum to the next router's top_k where no slot is empty. NaN where expert i took no token.
    """
    return _by_row(profile.transitions, profile, later=1)


def _by_row(pairs: np.ndarray, profile: ExpertProfile, later: int = 0) -> Array:
    """Pairs divided by what the row's expert took, NaN for experts that a site does not have."""
    taken = profile.counts().sum(axis=0)[: len(pairs), :, None]
    shares = np.divide(pairs, taken, out=np.full(pairs.shape, np.nan), where=taken > 0)
    for site, router in enumerate(profile.sites[later:]):
        shares[site, :, router.num_experts :] = np.nan
    return shares
