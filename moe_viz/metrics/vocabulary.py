"""Which tokens an expert takes: vocabulary specialization, by the token read, predicted, or actually next.

A token that occurs once sends all its occurrences to one expert, so shares of rare tokens say
nothing. Everything here leaves out tokens that occur fewer than `minimum` times, and states what chance
would give for the others.
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
    """One row per (site, expert, token) that occurs, sorted in this order."""

    site: Counts
    expert: Counts
    token: Counts
    """Token ids."""
    taken: Counts
    """How often the token went to the expert at least ..."""
    missed: Counts
    """... and how many more times at most (0 unless the vocabulary was too large for the profile's table)."""
    occurrences: Counts
    """How often the token occurred."""

    @property
    def share(self) -> Array:
        """Count / occurrences (OLMoE, arXiv 2409.02060, equation 8)."""
        return self.taken / self.occurrences


def token_shares(
    profile: ExpertProfile, view: str = "input", *, minimum: int = MINIMUM, first: bool = False
) -> TokenShares:
    """The share of each token's occurrences that each expert took, at any rank or as `first` choice.

    `view` is one of `VIEWS`: the token read, the model's first guess of the next token, the actual next token.
    Raises ValueError for any other value.
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
    """How far a token's first choice is always the same expert; each array is `[site]`."""

    value: Array
    """The share of a token's occurrences that go to its most frequent first choice, mean over tokens."""
    null: Array
    """The same if every occurrence drew its expert from the site's load, independent of the token."""
    tokens: NDArray[np.int64]
    """How many tokens occurred often enough."""


def vocabulary_specialization(
    profile: ExpertProfile, rng: np.random.Generator, view: str = "input", *, minimum: int = MINIMUM
) -> VocabularySpecialization:
    """Vocabulary specialization of each site with its null, for first choices.

    This is the average of OLMoE's figures (arXiv 2409.02060, section 5), but only over tokens that occur
    `minimum` times or more. OLMoE averages over all tokens; a token that occurs once scores 1 whatever
    the router does.
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
