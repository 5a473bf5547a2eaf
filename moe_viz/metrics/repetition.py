"""How often neighbouring tokens go to the same experts."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import NamedTuple

import numpy as np

from moe_viz.data.router_site import RouterSite
from moe_viz.data.scores import Array
from moe_viz.metrics.load import load
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.profiles.profile_counts import FIRST, LATER


class Repetition(NamedTuple):
    """Shares of neighbouring tokens that repeat an expert, `[... site]`, and what chance alone would give.

    Mixtral (arXiv 2401.04088, table 5). NaN without neighbours.
    """

    first: Array
    """Both have the same first choice."""
    either: Array
    """They share any expert."""
    first_chance: Array
    """`[site]`: 1 / experts."""
    either_chance: Array
    """`[site]`: 1 − C(experts − top_k, top_k) / C(experts, top_k)."""
    first_chance_at_load: Array
    """`[... site]`: Σ share², for tokens that draw their first choice from the load of this text:
    uneven load alone makes more repeats than an even spread."""


def repetition_by_domain(profile: ExpertProfile, generated: bool | None = None) -> Repetition:
    """`Repetition` by domain, `[domain site]`: of all tokens, or only the given or the `generated` ones."""
    kept = [g for g, group in enumerate(profile.groups) if generated in (None, group.generated)]
    found, pairs = (np.zeros((len(profile.domains), len(profile.sites), n)) for n in (2, 1))
    for g in kept:
        row = profile.domains.index(profile.groups[g].domain)
        found[row] += profile.repeats[g]
        pairs[row, :, 0] += profile.neighbours[g]
    return _of(found, pairs, profile.counts(generated, first=True), profile.sites)


def overall_repetition(profile: ExpertProfile) -> Repetition:
    """`Repetition` of all text together, `[site]`."""
    found, pairs = profile.repeats.sum(axis=0), profile.neighbours.sum(axis=0)[:, None]
    return _of(found.astype(np.float64), pairs, profile.counts(first=True).sum(axis=0), profile.sites)


def _of(found: Array, pairs: Array, first_counts: Array, sites: Sequence[RouterSite]) -> Repetition:
    """From repeats `[... site 2]` among pairs of neighbours `[... site 1]`."""
    each = np.broadcast_to(pairs, found.shape)
    shares = np.divide(found, each, out=np.full(found.shape, np.nan), where=each > 0)
    sizes = [(site.num_experts, site.top_k) for site in sites]
    return Repetition(
        first=shares[..., FIRST],
        either=shares[..., LATER],
        first_chance=np.array([1 / experts for experts, _k in sizes]),
        either_chance=np.array([1 - comb(experts - k, k) / comb(experts, k) for experts, k in sizes]),
        first_chance_at_load=np.nansum(load(first_counts) ** 2, axis=-1),
    )
