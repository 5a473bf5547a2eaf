"""The numbers of `load`, `scores` and `repetition` as tables: one row per layer, one row per expert.

Counts come from a profile; a text is a profile of one (`ExpertProfile.of_choices`). What the routers
made of single tokens comes from a trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from moe_viz.data.arrays import NO_EXPERT
from moe_viz.data.router_site import RouterSite
from moe_viz.data.scores import Array, selection_scores, site_scores
from moe_viz.data.trace import RoutingTrace
from moe_viz.metrics import load as of
from moe_viz.metrics.repetition import Repetition
from moe_viz.metrics.tokens import one_token
from moe_viz.profiles.expert_profile import ExpertProfile


def layer_table(profile: ExpertProfile) -> pd.DataFrame:
    """How each router spreads a corpus, or one text, over its experts: one row per site, in the profile's order.

    Columns: site (its index), name, stack, layer, num_experts, top_k; assignments (tokens × top_k
    minus the empty slots), empty_slots; load_entropy (nats), load_entropy_normalized (of ln experts),
    effective_experts, max_violation, coefficient_of_variation, gini, unused_experts, dead_experts;
    and the columns of `router_means`, which a profile does not hold: NaN, as in all places where a value is unknown.
    """
    spread = _spread(profile.counts().sum(axis=0), profile.sites, int(profile.tokens.sum()))
    return _sites(profile.sites, range(len(profile.sites))).assign(
        **spread, router_entropy=np.nan, router_entropy_normalized=np.nan, margin=np.nan
    )


def router_means(sites: Sequence[RouterSite], entropies: Array, margins: Array) -> dict[str, Array]:
    """How undecided each router of a trace is, as means over its tokens, each `[site]`; NaN where unknown.

    `entropies` and `margins`, both `[site token]`, are the trace's `router_entropy` and `margin`. Columns:
    router_entropy (nats), router_entropy_normalized (of ln experts) and margin.
    """
    undecided = _mean_over_tokens(entropies)
    experts = np.array([site.num_experts for site in sites], dtype=np.float64)
    return {
        "router_entropy": undecided,
        "router_entropy_normalized": of.normalized_entropy(undecided, experts),
        "margin": _mean_over_tokens(margins),
    }


def _spread(counts: Array, sites: Sequence[RouterSite], tokens: int) -> dict[str, np.ndarray]:
    """The columns that say how `counts [site expert]` of `tokens` tokens are spread."""
    experts = of.num_experts(counts)
    top_k = np.array([site.top_k for site in sites])
    assignments = np.nansum(counts, axis=-1).astype(np.int64)
    entropy = of.load_entropy(counts)
    return {
        "num_experts": experts.astype(np.int64),
        "top_k": top_k,
        "assignments": assignments,
        "empty_slots": tokens * top_k - assignments,
        "load_entropy": entropy,
        "load_entropy_normalized": of.normalized_entropy(entropy, experts),
        "effective_experts": of.effective_experts(counts),
        "max_violation": of.max_violation(counts),
        "coefficient_of_variation": of.coefficient_of_variation(counts),
        "gini": of.gini(counts),
        "unused_experts": of.unused_experts(counts).astype(np.int64),
        "dead_experts": of.dead_experts(counts).astype(np.int64),
    }


def repetition_table(sites: Sequence[RouterSite], found: Repetition) -> pd.DataFrame:
    """`Repetition` as one row per site, after site, name, stack and layer: first, either and their chance levels."""
    return _sites(sites, range(len(sites))).assign(**found._asdict())


def expert_table(profile: ExpertProfile) -> pd.DataFrame:
    """What each expert of each layer did: one row per (site, expert).

    Columns: site (its index), name, stack, layer, expert, count (tokens taken), load (share of the
    layer's assignments), uniform_difference (load × experts − 1), mean_gating_weight (NaN if it
    took no token), gate_share (share of the layer's gating weight).
    """
    counts, gates = profile.counts().sum(axis=0), profile.gate_sums().sum(axis=0)
    site, expert = np.nonzero(~np.isnan(counts))
    return _sites(profile.sites, site).assign(
        expert=expert,
        count=counts[site, expert].astype(np.int64),
        load=of.load(counts)[site, expert],
        uniform_difference=of.uniform_difference(counts)[site, expert],
        mean_gating_weight=of.mean_gating_weight(counts, gates)[site, expert],
        gate_share=of.load(gates)[site, expert],
    )


def router_table(trace: RoutingTrace, token: int) -> pd.DataFrame:
    """What every router computed about every expert for one token: one row per (site, expert).

    Columns: site (its index), name, stack, layer, expert, router_logit, score, selection_score
    (score + selection bias), gating_weight (missing where the expert was not chosen). NaN where unknown.
    Raises IndexError if there is no such token.
    """
    one = one_token(trace, token)
    parts = []
    for index, site in enumerate(one.sites):
        scores = site_scores(one, index)
        part = _sites(one.sites, [index] * site.num_experts).assign(
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

    The table is empty if the trace does not record them.
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


def _sites(sites: Sequence[RouterSite], indices: Iterable[int]) -> pd.DataFrame:
    rows = [(i, sites[i].name, sites[i].stack, sites[i].layer) for i in indices]
    return pd.DataFrame(rows, columns=["site", "name", "stack", "layer"])


def _mean_over_tokens(values: Array) -> Array:
    """Mean of `[site token]` over the tokens that have a value, `[site]`; NaN if none has."""
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
