"""The rules by which models turn logits into a choice and into gating weights, side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from moe_viz.data.router_site import Scoring
from moe_viz.data.scores import Array, gating_weights_from_scores, router_scores, selection_scores

BUNDLED = Scoring("softmax", normalized=True)
"""The scoring of the bundled model."""


@dataclass(frozen=True)
class Rule:
    """One rule in use."""

    name: str
    """Its key among the lesson's texts."""
    scoring: Scoring
    chosen_first: bool = False
    """Whether the softmax is over the chosen logits only."""


RULES = (
    Rule("rule_softmax", Scoring("softmax", normalized=False)),
    Rule("rule_divided", BUNDLED),
    Rule("rule_chosen_first", Scoring("softmax", normalized=True), chosen_first=True),
    Rule("rule_sigmoid", Scoring("sigmoid", normalized=True)),
    Rule("rule_bias", Scoring("sigmoid", normalized=True, selection_bias=())),
    Rule("rule_groups", Scoring("sigmoid", normalized=True, groups=4, groups_kept=2)),
)


def side_by_side(logits: Array, k: int, bias: float) -> Array:
    """The gating weights `[rule expert]` of each of `RULES`; 0 where it does not choose the expert.

    The rule with a bias adds `bias` to the best of the experts that are not chosen without it.
    """
    left_out = best_left_out(logits, k)
    pushed = tuple(bias if expert == left_out else 0.0 for expert in range(len(logits)))
    rows = []
    for rule in RULES:
        if rule.chosen_first:
            rows.append(_softmax_of_chosen(logits, k))
        else:
            biased = rule.scoring.selection_bias is not None
            scoring = replace(rule.scoring, selection_bias=pushed) if biased else rule.scoring
            rows.append(weights_by_expert(logits, scoring, k))
    return np.stack(rows)


def best_left_out(logits: Array, k: int) -> int:
    """The expert with the largest logit among those that are not chosen; `k` is less than all."""
    return int(np.argsort(-logits, kind="stable")[k])


def bias_needed(logits: Array, k: int) -> float:
    """The smallest bias on its sigmoid score with which `best_left_out` reaches the last chosen expert."""
    scores = np.sort(1 / (1 + np.exp(-logits)))[::-1]
    return float(scores[k - 1] - scores[k])


def weights_by_expert(logits: Array, scoring: Scoring, k: int) -> Array:
    """The gating weight of every expert, `[expert]`, 0 for those not chosen."""
    scores = router_scores(logits, scoring)
    assert scores is not None
    wanted = selection_scores(scores, scoring)
    allowed = _in_best_groups(wanted, scoring)
    chosen = np.argsort(-np.where(allowed, wanted, -np.inf), kind="stable")[: min(k, int(allowed.sum()))]
    weights = np.zeros(len(logits))
    weights[chosen] = gating_weights_from_scores(scores, chosen.astype(np.int16), scoring)
    return weights


def _in_best_groups(wanted: Array, scoring: Scoring) -> np.ndarray:
    """Which experts may be chosen, `[expert]`: those in the groups whose best experts have the largest sums."""
    groups = wanted.reshape(scoring.groups, -1)
    worth = np.sort(groups, axis=1)[:, -scoring.group_top :].sum(axis=1)
    kept = np.argsort(-worth, kind="stable")[: scoring.groups_kept]
    return np.repeat(np.isin(np.arange(scoring.groups), kept), groups.shape[1])


def _softmax_of_chosen(logits: Array, k: int) -> Array:
    chosen = np.argsort(-logits, kind="stable")[:k]
    powers = np.exp(logits[chosen] - logits[chosen].max())
    weights = np.zeros(len(logits))
    weights[chosen] = powers / powers.sum()
    return weights
