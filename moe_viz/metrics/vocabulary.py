"""Which tokens an expert takes: vocabulary specialization, by the token read, expected, or truly next.

A token met once goes to one expert with all its occurrences, so that shares of rare tokens say
nothing: everything here leaves out tokens met fewer than `minimum` times, and says what chance
would give for those that stay.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.scores import Array
from moe_viz.metrics.load import load
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.profiles.profile_counts import FIRST, VIEWS
from moe_viz.profiles.token_table import Counts

MINIMUM = 10


class TokenShares(NamedTuple):
    """One row a (site, expert, token) that met, sorted so."""

    site: Counts
    expert: Counts
    token: Counts
    """Token ids."""
    taken: Counts
    """How often the token went to the expert, at least ..."""
    missed: Counts
    """... and at most so many times more (0 unless the vocabulary outgrew the profile's table)."""
    occurrences: Counts
    """How often the token was met."""

    @property
    def share(self) -> Array:
        """Count / occurrences (OLMoE, arXiv 2409.02060, equation 8)."""
        return self.taken / self.occurrences


def token_shares(
    profile: ExpertProfile, view: str = "input", *, minimum: int = MINIMUM, first: bool = False
) -> TokenShares:
    """What share of each token's occurrences each expert took, at any rank or as `first` choice.

    `view` is one of `VIEWS`: the token read, the model's first guess of the next, the true next.
    Raises ValueError for another.
    """
    index = VIEWS.index(view)
    table, met = profile.token_tables[index], profile.occurrences[index]
    shape = (2, len(profile.sites), profile.experts)
    rank, site, expert = np.unravel_index(table.cells, shape)
    common = met[table.tokens] >= minimum
    kept = common & (rank == FIRST) if first else common
    where = np.stack([site[kept], expert[kept], table.tokens[kept]])
    (site, expert, token), inverse = np.unique(where, axis=1, return_inverse=True)
    taken = np.bincount(inverse.ravel(), table.counts[kept], len(token)).astype(np.int64)
    missed = table.missed.reshape(shape)
    missed = missed[FIRST] if first else missed.sum(axis=0)
    return TokenShares(site, expert, token, taken, missed[site, expert], met[token])


class VocabularySpecialization(NamedTuple):
    """How far a token's first choice is always the same expert, each array `[site]`."""

    value: Array
    """The share of its occurrences that a token's most frequent first choice has, mean over tokens."""
    null: Array
    """The same if every occurrence drew its expert from the site's load, whatever the token."""
    tokens: NDArray[np.int64]
    """How many tokens were met often enough."""


def vocabulary_specialization(
    profile: ExpertProfile, rng: np.random.Generator, view: str = "input", *, minimum: int = MINIMUM
) -> VocabularySpecialization:
    """Vocabulary specialization of each site with its null, for first choices.

    As averaged in OLMoE's figures (arXiv 2409.02060, section 5), but for tokens met `minimum`
    times or more, where these average over all: those met once score 1 whatever the router does.
    """
    of = token_shares(profile, view, minimum=minimum, first=True)
    loads = load(profile.counts(first=True).sum(axis=0))
    value, null = np.full((2, len(profile.sites)), np.nan)
    tokens = np.zeros(len(profile.sites), dtype=np.int64)
    for site, router in enumerate(profile.sites):
        here = of.site == site
        if not here.any():
            continue
        met, place = np.unique(of.token[here], return_inverse=True)
        best = np.zeros(len(met))
        np.maximum.at(best, place, of.share[here])
        times = profile.occurrences[VIEWS.index(view)][met]
        drawn = rng.multinomial(times, loads[site, : router.num_experts])
        value[site], null[site] = best.mean(), (drawn.max(axis=1) / times).mean()
        tokens[site] = len(met)
    return VocabularySpecialization(value, null, tokens)
