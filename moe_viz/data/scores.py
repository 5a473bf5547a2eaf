"""What a router made of every expert: scores, entropy, and margin.

Everything here is worked out again from logits, in float64, for the experts that were not
chosen. What was chosen, and with what weight, is never taken from here but from the trace.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.arrays import NO_EXPERT, Ids
from moe_viz.data.router_site import Scoring
from moe_viz.data.trace import RoutingTrace

Array = NDArray[np.float64]


def router_scores(logits: NDArray[np.floating], scoring: Scoring | None) -> Array | None:
    """A router's scores `[... expert]` from its logits `[... expert]`; None if the scoring is unknown.

    A softmax over all experts (probabilities, sum 1), a sigmoid of each (0 to 1 each), or the
    square root of each one's softplus, ln(1 + e^x) (DeepSeek-V4). An expert whose logit is NaN
    does not exist: its score is NaN and the others do without it.
    """
    if scoring is None:
        return None
    x = np.asarray(logits, dtype=np.float64)
    if scoring.function == "sigmoid":
        return np.exp(-np.logaddexp(0, -x))  # 1 / (1 + e^-x), without overflow
    if scoring.function == "sqrtsoftplus":
        return np.sqrt(np.logaddexp(0, x))
    largest = np.fmax.reduce(x, axis=-1, keepdims=True)  # fmax looks past NaN
    powers = np.exp(x - np.where(np.isfinite(largest), largest, 0))
    total = np.nansum(powers, axis=-1, keepdims=True)
    return powers / np.where(total > 0, total, np.nan)


def selection_scores(scores: Array, scoring: Scoring) -> Array:
    """The selection scores, `[... expert]`: scores plus the selection bias, if there is one.

    DeepSeek-V3 (arXiv 2412.19437, equation 16). Where the bias is added to the logits instead,
    the logit of a sigmoid score, ln(s / (1 - s)), plus the bias.
    """
    if scoring.selection_bias is None:
        return scores
    bias = np.full(scores.shape[-1], np.nan)
    bias[: len(scoring.selection_bias)] = scoring.selection_bias
    if not scoring.bias_on_logits:
        return scores + bias
    with np.errstate(divide="ignore"):  # a score of 0 or 1 has an infinite logit
        return np.log(scores) - np.log1p(-scores) + bias


def gating_weights_from_scores(scores: Array, expert_ids: Ids, scoring: Scoring) -> Array:
    """The gating weights `[... slot]` that `scoring` gives the chosen `expert_ids` `[... slot]`.

    They are for checking against the captured ones, and are never shown in their place. A slot without
    an expert has weight 0 and no part in the normalising sum. Where shared experts have a part
    in it (`shared_in_sum`), the weights are right up to one factor per token.
    """
    taken = expert_ids != NO_EXPERT
    ids = np.where(taken, expert_ids, 0).astype(np.intp)
    weights = np.where(taken, np.take_along_axis(scores, ids, axis=-1), 0.0)
    if scoring.normalized:
        total = weights.sum(axis=-1, keepdims=True)
        weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    if scoring.expert_scale is not None:
        weights = weights * np.asarray(scoring.expert_scale)[ids]
    return weights * scoring.scale


def site_scores(trace: RoutingTrace, site: int) -> Array | None:
    """One router's scores `[token expert]`; None if the trace lacks its logits or its scoring."""
    if trace.router_logits is None:
        return None
    return router_scores(trace.router_logits[site, :, : trace.sites[site].num_experts], trace.sites[site].scoring)


def entropy(shares: Array) -> Array:
    """Shannon entropy in nats, `[...]`, of shares `[... expert]`, which are divided by their sum.

    NaN entries are left out; NaN where nothing is left or the sum is 0.
    """
    filled = np.where(np.isnan(shares), 0.0, shares)
    total = filled.sum(axis=-1, keepdims=True)
    p = np.divide(filled, total, out=np.full_like(filled, np.nan), where=total > 0)
    logs = np.log(p, out=np.zeros_like(p), where=p > 0)
    return -(p * logs).sum(axis=-1) + 0.0  # + 0.0: no negative zero


def router_entropy(trace: RoutingTrace) -> Array:
    """How undecided each router was about each token, in nats, `[site token]`; NaN where unknown.

    The entropy of the scores divided by their sum. For a softmax router that is the router's
    own distribution. Sigmoid scores are no distribution until they are divided so.
    """
    result = np.full(trace.expert_ids.shape[:2], np.nan)
    for site in range(len(trace.sites)):
        scores = site_scores(trace, site)
        if scores is not None:
            result[site] = entropy(scores)
    return result


def margin(trace: RoutingTrace) -> Array:
    """How clearly each router decided, `[site token]`; NaN where unknown.

    The smallest selection score among the chosen experts minus the largest among the others.
    Negative only where something other than the scores forbade a better choice: a limit to
    groups, a dropped slot, an intervention. NaN too if a token took no expert, or all of them,
    and where the choice is looked up by the token's id.
    """
    result = np.full(trace.expert_ids.shape[:2], np.nan)
    for index, site in enumerate(trace.sites):
        scores = site_scores(trace, index)
        if scores is None or site.scoring is None or site.scoring.by_token:
            continue
        chosen = chosen_experts(trace.expert_ids[index], site.num_experts)
        known = chosen.any(axis=-1) & ~chosen.all(axis=-1)
        wanted = selection_scores(scores, site.scoring)[known]
        worst = np.where(chosen[known], wanted, np.inf).min(axis=-1)
        best_left = np.where(chosen[known], -np.inf, wanted).max(axis=-1)
        result[index, known] = worst - best_left
    return result


def chosen_experts(expert_ids: Ids, num_experts: int) -> NDArray[np.bool_]:
    """Which experts each token took, `[token expert]`, from `expert_ids` `[token slot]`."""
    chosen = np.zeros((len(expert_ids), num_experts + 1), dtype=np.bool_)
    np.put_along_axis(chosen, expert_ids.astype(np.intp), True, axis=-1)
    return chosen[:, :-1]  # NO_EXPERT, -1, went to the last column
