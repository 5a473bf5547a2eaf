"""The token-identity control of a profile: what the experts tell of the domain within one and the same token.

Domains differ in their vocabulary, and routers look at the token. What is left once the token
is known cannot come from that.
"""

from __future__ import annotations

import numpy as np

from moe_viz.metrics.domains import GivenToken, mutual_information
from moe_viz.metrics.scores import Array
from moe_viz.profiles.value import ExpertProfile

OCCURRENCES = 200
MOST_TOKENS = 2000
WHOLE = 0.99


def profile_information_given_token(
    profile: ExpertProfile, rng: np.random.Generator, occurrences: int = OCCURRENCES, draws: int = 20
) -> list[GivenToken]:
    """`moe_viz.metrics.domains.information_given_token` of each site, from the first choices in a profile.

    Looked at are the tokens met `occurrences` times or more, at most the `MOST_TOKENS` most frequent,
    and of these at each site only those whose table kept `WHOLE` of the occurrences or more (all,
    unless the vocabulary outgrew it). The null draws each domain's experts anew from the token's
    own shares, whatever the domain.
    """
    met = profile.occurrences[0]
    common = np.sort(np.argsort(-met, kind="stable")[:MOST_TOKENS])
    common = common[met[common] >= occurrences]
    table = profile.group_table
    at = np.searchsorted(common, table.tokens)
    kept = np.append(common, -1)[at] == table.tokens
    group, site, expert = np.unravel_index(
        table.cells[kept], (len(profile.groups), len(profile.sites), profile.experts)
    )
    domain = np.array([profile.domains.index(of.domain) for of in profile.groups])[group]
    token, weights = at[kept], table.counts[kept].astype(np.float64)
    found = []
    for index, router in enumerate(profile.sites):
        here = site == index
        shape = (len(common), len(profile.domains), router.num_experts)
        flat = np.ravel_multi_index((token[here], domain[here], expert[here]), shape)
        counts = np.bincount(flat, weights[here], int(np.prod(shape))).reshape(shape)
        whole = counts.sum(axis=(1, 2)) >= WHOLE * met[common]
        found.append(_of_site(counts[whole], int(met.sum()), rng, draws))
    return found


def _of_site(counts: Array, text: int, rng: np.random.Generator, draws: int) -> GivenToken:
    """Of counts `[token domain expert]`, from a text of so many tokens."""
    in_domain = counts.sum(axis=2).astype(np.int64)
    by_token = in_domain.sum(axis=1)
    if not len(counts):
        return GivenToken(np.nan, np.nan, 0, 0.0)

    def information(counts: Array) -> float:
        return float((by_token / by_token.sum() * mutual_information(counts)).sum())

    shares = counts.sum(axis=1, keepdims=True) / by_token[:, None, None]
    null = [information(rng.multinomial(in_domain, shares).astype(np.float64)) for _ in range(draws)]
    return GivenToken(information(counts), float(np.mean(null)), len(counts), float(by_token.sum() / text))
