"""How the work is spread over the experts of a layer.

The functions of counts or loads work on any `[... expert]`, NaN where a site has no such expert: on a
profile's counts, by domain or in all, and on the counts of some tokens of a trace.
"""

from __future__ import annotations

import numpy as np

from moe_viz.data.arrays import NO_EXPERT, Flags
from moe_viz.data.scores import Array, entropy
from moe_viz.data.trace import RoutingTrace


def expert_counts(trace: RoutingTrace, tokens: Flags | None = None) -> Array:
    """How many of a trace's tokens each expert took, `[site expert]`; NaN where a site has no such expert.

    `tokens`, a mask `[token]`, restricts it to some tokens; of all of them, a profile has the same counts.
    """
    widest = max(site.num_experts for site in trace.sites)
    counts = np.full((len(trace.sites), widest), np.nan)
    for index, site in enumerate(trace.sites):
        ids = trace.expert_ids[index] if tokens is None else trace.expert_ids[index][tokens]
        counts[index, : site.num_experts] = np.bincount(ids[ids != NO_EXPERT], minlength=site.num_experts)
    return counts


def mean_gating_weight(counts: Array, gates: Array) -> Array:
    """The mean gating weight over the tokens that an expert took, `[... expert]`, of its `gate_sums`; NaN if none."""
    return np.divide(gates, counts, out=np.full_like(counts, np.nan), where=counts > 0)


def load(counts: Array) -> Array:
    """Each expert's share of its layer's assignments, `[... expert]`; NaN if there were none.

    Shares sum to 1 per layer. Given a profile's `gate_sums` it is each expert's share of the gating weight.
    """
    total = np.nansum(counts, axis=-1, keepdims=True)
    return np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)


def uniform_difference(counts: Array) -> Array:
    """Load relative to an even spread, `[... expert]`: load × experts − 1.

    0: exactly its even share. −1: never used. +1: twice its even share.
    """
    return load(counts) * num_experts(counts)[..., None] - 1


def num_experts(counts: Array) -> Array:
    """How many experts exist, `[...]`: the entries that are not NaN."""
    return (~np.isnan(counts)).sum(axis=-1).astype(np.float64)


def load_entropy(counts: Array) -> Array:
    """Entropy of the load in nats, `[...]`: from 0 (one expert does all the work) to ln(experts) (even)."""
    return entropy(counts)


def normalized_entropy(nats: Array, experts: Array) -> Array:
    """An entropy as a share of the largest possible one, ln(experts), `[...]`; NaN for one expert."""
    largest = np.broadcast_to(np.log(experts), nats.shape)
    return np.divide(nats, largest, out=np.full_like(nats, np.nan), where=largest > 0)


def effective_experts(counts: Array) -> Array:
    """How many evenly used experts would have the same entropy, `[...]`: e^H, 1 to experts."""
    return np.exp(load_entropy(counts))


def max_violation(counts: Array) -> Array:
    """MaxVio, `[...]`: (largest load − mean load) / mean load (arXiv 2408.15664). 0 is even."""
    return np.fmax.reduce(uniform_difference(counts), axis=-1)  # fmax looks past NaN


def coefficient_of_variation(counts: Array) -> Array:
    """Standard deviation of the load over its mean, `[...]` (population deviation). 0 is even."""
    squares = np.nansum(uniform_difference(counts) ** 2, axis=-1)
    idle = np.nansum(counts, axis=-1) == 0
    return np.where(idle, np.nan, np.sqrt(squares / np.maximum(num_experts(counts), 1)))


def gini(counts: Array) -> Array:
    """Gini coefficient of the load, `[...]`: Σᵢⱼ |xᵢ − xⱼ| / (2 · experts · Σᵢ xᵢ).

    0 is even; (experts − 1) / experts: one expert does all.
    """
    shares = load(counts)
    filled = np.sort(np.nan_to_num(shares), axis=-1)
    experts = num_experts(counts)
    missing = counts.shape[-1] - experts  # their zeros stand first
    rank = 1 + np.arange(counts.shape[-1]) - missing[..., None]
    weighted = (filled * (2 * rank - experts[..., None] - 1)).sum(axis=-1)
    idle = np.nansum(counts, axis=-1) == 0
    return np.where(idle, np.nan, weighted / np.maximum(experts, 1))


def largest_difference(counts: Array) -> Array:
    """Largest |share − 1/experts|, `[...]`: what some projects call the violation. 0 is even."""
    return np.fmax.reduce(np.abs(uniform_difference(counts)), axis=-1) / num_experts(counts)


def unused_experts(counts: Array) -> Array:
    """How many experts took no token at all, `[...]`."""
    return (counts == 0).sum(axis=-1).astype(np.float64)


def dead_experts(counts: Array, below: float = 0.1) -> Array:
    """How many experts have less than `below` of a uniform load, `[...]`."""
    return (uniform_difference(counts) < below - 1).sum(axis=-1).astype(np.float64)
