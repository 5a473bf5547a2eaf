"""How often neighbouring tokens go to the same experts."""

from __future__ import annotations

from math import comb
from typing import NamedTuple

import numpy as np

from moe_viz.metrics.load import load
from moe_viz.metrics.scores import Array
from moe_viz.profiles.value import FIRST, LATER, ExpertProfile


class Repetition(NamedTuple):
    """Shares of neighbouring tokens that repeat, `[domain site]`, and what chance alone would give."""

    first: Array
    """Both have the same first choice."""
    either: Array
    """They share any expert."""
    first_chance: Array
    """`[site]`: 1 / experts."""
    either_chance: Array
    """`[site]`: 1 − C(experts − top_k, top_k) / C(experts, top_k)."""
    first_chance_at_load: Array
    """`[domain site]`: Σ share², for tokens that draw their first choice from the domain's load:
    uneven load alone makes more repeats than an even spread."""


def repetition(profile: ExpertProfile, generated: bool | None = None) -> Repetition:
    """Mixtral's repetition (arXiv 2401.04088, table 5), by domain. NaN without neighbours."""
    kept = [g for g, group in enumerate(profile.groups) if generated in (None, group.generated)]
    found, pairs = (np.zeros((len(profile.domains), len(profile.sites), n)) for n in (2, 1))
    for g in kept:
        row = profile.domains.index(profile.groups[g].domain)
        found[row] += profile.repeats[g]
        pairs[row, :, 0] += profile.neighbours[g]
    shares = np.divide(found, pairs, out=np.full(found.shape, np.nan), where=pairs > 0)
    sizes = [(site.num_experts, site.top_k) for site in profile.sites]
    return Repetition(
        first=shares[..., FIRST],
        either=shares[..., LATER],
        first_chance=np.array([1 / experts for experts, _k in sizes]),
        either_chance=np.array([1 - comb(experts - k, k) / comb(experts, k) for experts, k in sizes]),
        first_chance_at_load=np.nansum(load(profile.counts(generated, first=True)) ** 2, axis=-1),
    )
