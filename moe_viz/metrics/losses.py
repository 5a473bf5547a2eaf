"""The auxiliary losses of routers, computed from a corpus's counts."""

from __future__ import annotations

import numpy as np

from moe_viz.data.scores import Array
from moe_viz.metrics.load import load, num_experts
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.profiles.profile_counts import SQUARE_UNIT, UNIT


def load_balancing_loss(counts: Array, probabilities: Array) -> Array:
    """Experts · Σᵢ fᵢ pᵢ, `[...]`, from counts and mean router probabilities, both `[... expert]`.

    Switch Transformers (arXiv 2101.03961, equations 4 to 6), without their factor α; fᵢ is the load,
    which sums to 1, so that an even router has 1. Over one domain it says how uneven the routing of this
    domain is. Over the sum of all domains (the global batch) it can be 1 even if each expert serves
    a single domain. NaN where the probabilities are unknown.
    """
    return num_experts(counts) * _sum(load(counts) * probabilities, axis=-1)


def profile_load_balancing_loss(profile: ExpertProfile) -> Array:
    """`load_balancing_loss` over all text of a profile, as one global batch, `[site]`; NaN where unknown."""
    scored = profile.scored_tokens.sum(axis=0)[:, None].astype(np.float64)
    sums = profile.probability_units.sum(axis=0) * UNIT
    probabilities = np.divide(sums, scored, out=np.full(sums.shape, np.nan), where=scored > 0)
    return load_balancing_loss(profile.counts().sum(axis=0), probabilities)


def pooled_load_balancing_loss(counts: Array, probabilities: Array, top_k: int) -> float:
    """The same with all layers treated as one router, times top_k, as transformers' own helper computes it.

    `counts` and `probabilities` are `[site expert]`, over the same tokens. Here an expert is a
    number that all layers share, so one layer can balance what is uneven in another.
    """
    shares = load(counts).mean(axis=0) * top_k
    return float(counts.shape[-1] * (shares * probabilities.mean(axis=0)).sum())


def z_loss(profile: ExpertProfile) -> Array:
    """Mean over tokens of (logsumexp of the logits)², `[site]` (ST-MoE, arXiv 2202.08906, equation 5).

    NaN where the logits or the scoring are unknown.
    """
    scored = profile.scored_tokens.sum(axis=0)
    squares = profile.square_units.sum(axis=0) * SQUARE_UNIT
    return np.divide(squares, scored, out=np.full(len(scored), np.nan), where=scored > 0)


def _sum(values: Array, axis: int) -> Array:
    """Sum that ignores NaN, but is NaN where every value is NaN."""
    return np.where(np.isnan(values).all(axis=axis), np.nan, np.nansum(values, axis=axis))
