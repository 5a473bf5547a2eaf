"""How often neighbouring tokens go to the same experts."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import NamedTuple

import numpy as np

from moe_viz.data.arrays import NO_EXPERT
from moe_viz.data.router_site import RouterSite
from moe_viz.data.scores import Array
from moe_viz.data.trace import RoutingTrace
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


def repetition(profile: ExpertProfile, generated: bool | None = None) -> Repetition:
    """By domain, `[domain site]`."""
    kept = [g for g, group in enumerate(profile.groups) if generated in (None, group.generated)]
    found, pairs = (np.zeros((len(profile.domains), len(profile.sites), n)) for n in (2, 1))
    for g in kept:
        row = profile.domains.index(profile.groups[g].domain)
        found[row] += profile.repeats[g]
        pairs[row, :, 0] += profile.neighbours[g]
    return _of(found, pairs, profile.counts(generated, first=True), profile.sites)


def overall_repetition(profile: ExpertProfile) -> Repetition:
    """Of all text together, `[site]`."""
    found, pairs = profile.repeats.sum(axis=0), profile.neighbours.sum(axis=0)[:, None]
    return _of(found.astype(np.float64), pairs, profile.counts(first=True).sum(axis=0), profile.sites)


def trace_repetition(trace: RoutingTrace) -> Repetition:
    """Of one text, `[site]`."""
    sites = len(trace.sites)
    found, pairs = np.zeros((sites, 2)), np.zeros((sites, 1))
    counts = np.full((sites, max(site.num_experts for site in trace.sites)), np.nan)
    for index, site in enumerate(trace.sites):
        ids, taken = trace.expert_ids[index], trace.expert_ids[index] != NO_EXPERT
        best = np.where(taken, trace.gate_weights[index], -np.inf).argmax(axis=-1)
        first = np.take_along_axis(ids, best[:, None], axis=-1)[:, 0]
        together = (first[1:] != NO_EXPERT) & (first[:-1] != NO_EXPERT)
        shared = ((ids[1:, :, None] == ids[:-1, None, :]) & taken[1:, :, None]).any(axis=(-2, -1))
        found[index, FIRST] = (together & (first[1:] == first[:-1])).sum()
        found[index, LATER] = (together & shared).sum()
        pairs[index] = together.sum()
        counts[index, : site.num_experts] = np.bincount(first[first != NO_EXPERT], minlength=site.num_experts)
    return _of(found, pairs, counts, trace.sites)


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
