"""`RouterSite`: one router, its place, the experts it chooses from, and its rule (`Scoring`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from moe_viz.data.arrays import Flags

Stack = Literal["decoder", "encoder"]
_WHOLE = ("layer", "num_experts", "top_k", "shared_experts", "zero_experts")


@dataclass(frozen=True)
class Scoring:
    """How a router turns logits into a choice and into gating weights.

    score = function(logits); the `top_k` experts with the largest score + selection_bias
    are chosen; the gating weight is the chosen score, divided by the sum over the chosen
    if `normalized`, times `scale`. The fields after `groups_kept` are for the few routers
    that differ.
    """

    function: Literal["softmax", "sigmoid", "sqrtsoftplus"]
    normalized: bool
    """Whether the chosen scores are divided by their sum. A softmax over the chosen logits
    alone (gpt-oss) equals a softmax over all, normalized."""
    scale: float = 1.0
    selection_bias: tuple[float, ...] | None = None
    """One number per expert, added for the choice alone (DeepSeek-V3, arXiv 2412.19437, eq. 16)."""
    groups: int = 1
    """Experts are cut into this many groups ..."""
    groups_kept: int = 1
    """... and only those of the best `groups_kept` groups can be chosen."""
    group_top: int = 2
    """A group is as good as the sum of its best `group_top` selection scores."""
    outside_groups: float | None = None
    """What the selection score of an expert outside those groups is set to; None: it cannot be chosen."""
    bias_on_logits: bool = False
    """The bias is added to the logit, not to the score, and the largest sum is chosen."""
    expert_scale: tuple[float, ...] | None = None
    """One factor per expert, by which its gating weight is multiplied after the sum."""
    shared_in_sum: bool = False
    """The sum also counts shared experts, whose scores are not among the logits: what is known
    of the gating weights is their proportion."""
    by_token: bool = False
    """The choice is looked up by the token's id; scores only weigh it."""


@dataclass(frozen=True)
class RouterSite:
    """One router: where it sits and what it chooses from."""

    name: str
    """Path of the MoE block among the model's modules, e.g. `model.layers.3.mlp`."""
    layer: int
    """Index of the layer within its stack, counted with the dense layers."""
    num_experts: int
    top_k: int
    stack: Stack = "decoder"
    scoring: Scoring | None = None
    """None: not recorded for this family; scores and margins are then unknown."""
    shared_experts: int = 0
    """Experts beside the router, used by every token."""
    zero_experts: int = 0
    """How many of the experts compute nothing; they are the last ones."""
    output_scale: float = 1.0
    """The block multiplies the sum over the chosen experts by this, after their gating weights."""


def slots_of(sites: Sequence[RouterSite]) -> Flags:
    """Which slots each router fills, `[site slot]`: the first `top_k`."""
    top_k = np.array([site.top_k for site in sites])
    return np.arange(top_k.max()) < top_k[:, None]


def experts_of(sites: Sequence[RouterSite]) -> Flags:
    """Which experts each router has, `[site expert]`: the first `num_experts`."""
    experts = np.array([site.num_experts for site in sites])
    return np.arange(experts.max()) < experts[:, None]


def site_from(fields: dict[str, Any]) -> RouterSite:
    """A `RouterSite` from its fields as JSON keeps them."""
    scoring = fields["scoring"]
    if scoring is not None:
        lists: dict[str, Any] = {name: tuple(value) for name, value in scoring.items() if isinstance(value, list)}
        scoring = Scoring(**{**scoring, **lists})
    numbers = {name: int(fields[name]) for name in _WHOLE if name in fields}
    return RouterSite(**{**fields, **numbers, "name": str(fields["name"]), "scoring": scoring})
