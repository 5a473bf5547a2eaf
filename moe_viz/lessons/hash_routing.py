"""Routing by a lookup of the token, as in Hash Layers (arXiv 2106.04426), compared with a learned router."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.scores import Array
from moe_viz.metrics.load import max_violation
from moe_viz.profiles.expert_profile import ExpertProfile

OCCURRENCES = 200
"""Tokens that occur less often are left out: a token that occurs once always has one expert."""


def looked_up(token_ids: NDArray[np.integer], experts: int) -> NDArray[np.integer]:
    """The expert of each token by the simplest of all lookups: the remainder of its id."""
    return token_ids % experts


def common_tokens(profile: ExpertProfile) -> NDArray[np.intp]:
    """The ids of the tokens that occur `OCCURRENCES` times or more, the most frequent first."""
    met = profile.occurrences[0]
    order = np.argsort(-met, kind="stable")
    return order[met[order] >= OCCURRENCES]


def first_choices(profile: ExpertProfile, token_ids: NDArray[np.integer]) -> Array:
    """How often each expert was these tokens' first choice, `[token site expert]`."""
    table = profile.group_table
    shape = (len(profile.groups), len(profile.sites), profile.experts)
    counts = np.zeros((len(token_ids), *shape[1:]))
    for place, token in enumerate(token_ids):
        own = table.tokens == token
        _, site, expert = np.unravel_index(table.cells[own], shape)
        np.add.at(counts[place], (site, expert), table.counts[own])
    return counts


def agreement(profile: ExpertProfile) -> Array:
    """Share of the common tokens' first choices that the best possible lookup would make too, `[site]`.

    This lookup sends each token to the expert that the router chooses for it most often.
    """
    counts = first_choices(profile, common_tokens(profile))
    shares: Array = counts.max(axis=2).sum(axis=0) / counts.sum(axis=(0, 2))
    return shares


def violation_of_lookup(profile: ExpertProfile) -> float:
    """MaxVio of `looked_up` over all tokens of a profile."""
    met, experts = profile.occurrences[0], profile.experts
    loads = np.bincount(looked_up(np.arange(len(met)), experts), met, experts)
    return float(max_violation(loads.astype(np.float64)))


def violation_of_router(profile: ExpertProfile) -> Array:
    """MaxVio of the routers' first choices over the same tokens, `[site]`."""
    return max_violation(profile.selections[:, :, 0].sum(axis=0).astype(np.float64))
