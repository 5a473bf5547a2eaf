"""The numbers of `load` and `scores` as tables: one row a layer, one row an expert."""

from __future__ import annotations

import numpy as np
import pandas as pd

from moe_viz.metrics import load as of
from moe_viz.metrics.scores import Array, margin, router_entropy
from moe_viz.trace import Flags, RoutingTrace


def layer_table(trace: RoutingTrace, tokens: Flags | None = None) -> pd.DataFrame:
    """How each router spreads its work: one row a site, in the trace's order.

    Columns: site (its index), name, stack, layer, num_experts, top_k; assignments (tokens × top_k
    less the empty slots), empty_slots; load_entropy (nats), load_entropy_normalized (of ln experts),
    effective_experts, max_violation, coefficient_of_variation, unused_experts; and the means over
    tokens of router_entropy (nats), router_entropy_normalized and margin. NaN where unknown.
    `tokens`, a mask `[token]`, restricts it to some tokens.
    """
    counts = of.expert_counts(trace, tokens)
    experts = of.num_experts(counts)
    top_k = np.array([site.top_k for site in trace.sites])
    assignments = np.nansum(counts, axis=-1).astype(np.int64)
    spread = of.load_entropy(counts)
    undecided = _mean_over_tokens(router_entropy(trace), tokens)
    seen = len(trace) if tokens is None else int(tokens.sum())
    return _sites(trace, range(len(trace.sites))).assign(
        num_experts=experts.astype(np.int64),
        top_k=top_k,
        assignments=assignments,
        empty_slots=seen * top_k - assignments,
        load_entropy=spread,
        load_entropy_normalized=of.normalized_entropy(spread, experts),
        effective_experts=of.effective_experts(counts),
        max_violation=of.max_violation(counts),
        coefficient_of_variation=of.coefficient_of_variation(counts),
        unused_experts=of.unused_experts(counts).astype(np.int64),
        router_entropy=undecided,
        router_entropy_normalized=of.normalized_entropy(undecided, experts),
        margin=_mean_over_tokens(margin(trace), tokens),
    )


def expert_table(trace: RoutingTrace, tokens: Flags | None = None) -> pd.DataFrame:
    """What each expert of each layer did: one row a (site, expert).

    Columns: site (its index), name, stack, layer, expert, count (tokens taken), load (share of the
    layer's assignments), uniform_difference (load × experts − 1), mean_gating_weight (NaN if it
    took no token), gate_share (share of the layer's gating weight).
    """
    counts = of.expert_counts(trace, tokens)
    site, expert = np.nonzero(~np.isnan(counts))
    return _sites(trace, site).assign(
        expert=expert,
        count=counts[site, expert].astype(np.int64),
        load=of.load(counts)[site, expert],
        uniform_difference=of.uniform_difference(counts)[site, expert],
        mean_gating_weight=of.mean_gating_weight(trace, tokens)[site, expert],
        gate_share=of.load(of.gate_sums(trace, tokens))[site, expert],
    )


def _sites(trace: RoutingTrace, indices: range | np.ndarray) -> pd.DataFrame:
    rows = [(i, trace.sites[i].name, trace.sites[i].stack, trace.sites[i].layer) for i in indices]
    return pd.DataFrame(rows, columns=["site", "name", "stack", "layer"])


def _mean_over_tokens(values: Array, tokens: Flags | None) -> Array:
    """Mean of `[site token]` over the tokens that have a value, `[site]`; NaN if none has."""
    known = ~np.isnan(values)
    if tokens is not None:
        known &= tokens
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
