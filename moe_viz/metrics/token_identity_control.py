"""The token-identity control of a profile: what the experts tell about the domain within one token.

Domains differ in their vocabulary, and routers depend on the token. What is left once the token
is known cannot come from that.
"""

from __future__ import annotations

import numpy as np

from moe_viz.data.scores import Array
from moe_viz.metrics.domains import GivenToken, mutual_information
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.profiles.token_table import CELL

OCCURRENCES = 200
MOST_TOKENS = 2000
WHOLE = 0.99


def profile_information_given_token(
    profile: ExpertProfile, rng: np.random.Generator, occurrences: int = OCCURRENCES, draws: int = 20
) -> list[GivenToken]:
    """`moe_viz.metrics.domains.information_given_token` of each site, from the first choices in a profile.

    It uses the tokens that occur `occurrences` times or more, at most the `MOST_TOKENS` most frequent. At
    each site it uses only those whose table kept `WHOLE` of the occurrences or more (all, unless the
    vocabulary was too large for it). The null draws each domain's experts from the token's own shares,
    independent of the domain.
    """
    met = profile.occurrences[0]
    common = np.sort(np.argsort(-met, kind="stable")[:MOST_TOKENS])
    common = common[met[common] >= occurrences]
    table = profile.group_table
    row = np.full(len(met), -1)
    row[common] = np.arange(len(common))
    sites, experts = len(profile.sites), profile.experts
    ends = np.searchsorted(table.keys, np.arange(len(profile.groups) * sites + 1) * experts * CELL)
    found = []
    for index in range(sites):
        counts = np.zeros((len(common), len(profile.domains), experts))
        for number, group in enumerate(profile.groups):
            start, end = ends[number * sites + index :][:2]
            cell, token = np.divmod(table.keys[start:end], CELL)
            at = row[token]
            kept = at >= 0
            flat = at[kept] * experts + cell[kept] % experts
            sums = np.bincount(flat, table.counts[start:end][kept], len(common) * experts)
            counts[:, profile.domains.index(group.domain)] += sums.reshape(-1, experts)
        whole = counts.sum(axis=(1, 2)) >= WHOLE * met[common]
        found.append(_of_site(counts[whole], int(met.sum()), rng, draws))
    return found


def _of_site(counts: Array, text: int, rng: np.random.Generator, draws: int) -> GivenToken:
    """From counts `[token domain expert]` of a text of `text` tokens."""
    in_domain = counts.sum(axis=2).astype(np.int64)
    by_token = in_domain.sum(axis=1)
    if not len(counts):
        return GivenToken(np.nan, np.nan, 0, 0.0)

    def information(counts: Array) -> float:
        return float((by_token / by_token.sum() * mutual_information(counts)).sum())

    shares = counts.sum(axis=1, keepdims=True) / by_token[:, None, None]
    null = [information(rng.multinomial(in_domain, shares).astype(np.float64)) for _ in range(draws)]
    return GivenToken(information(counts), float(np.mean(null)), len(counts), float(by_token.sum() / text))
