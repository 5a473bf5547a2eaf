"""The numbers of `load` and `scores` as tables: one row a layer, one row an expert."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from moe_viz.metrics import load as of
from moe_viz.metrics.scores import Array, margin, router_entropy, selection_scores, site_scores
from moe_viz.metrics.tokens import one_token
from moe_viz.trace import NO_EXPERT, Flags, RoutingTrace


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


def router_table(trace: RoutingTrace, token: int) -> pd.DataFrame:
    """What every router made of every expert for one token: one row a (site, expert).

    Columns: site (its index), name, stack, layer, expert, router_logit, score, selection_score
    (score + selection bias), gating_weight (missing where the expert was not chosen). NaN where unknown.
    Raises IndexError if there is no such token.
    """
    one = one_token(trace, token)
    parts = []
    for index, site in enumerate(one.sites):
        scores = site_scores(one, index)
        part = _sites(one, [index] * site.num_experts).assign(
            expert=np.arange(site.num_experts), router_logit=np.nan, score=np.nan, selection_score=np.nan
        )
        if one.router_logits is not None:
            part["router_logit"] = one.router_logits[index, 0, : site.num_experts]
        if scores is not None and site.scoring is not None:
            part["score"] = scores[0]
            part["selection_score"] = selection_scores(scores[0], site.scoring)
        weights = np.full(site.num_experts, np.nan)
        taken = one.expert_ids[index, 0] != NO_EXPERT
        weights[one.expert_ids[index, 0][taken]] = one.gate_weights[index, 0][taken]
        parts.append(part.assign(gating_weight=weights))
    return pd.concat(parts, ignore_index=True)


def next_token_table(trace: RoutingTrace, token: int) -> pd.DataFrame:
    """The most probable next tokens after one token: rank, token_id, text, probability.

    Without rows where the trace does not record them.
    """
    following = trace.next_tokens
    if following is None:
        return pd.DataFrame(columns=["rank", "token_id", "text", "probability"])
    return pd.DataFrame(
        {
            "rank": 1 + np.arange(len(following.texts[token])),
            "token_id": following.token_ids[token],
            "text": list(following.texts[token]),
            "probability": following.probabilities[token],
        }
    )


def _sites(trace: RoutingTrace, indices: Iterable[int]) -> pd.DataFrame:
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
