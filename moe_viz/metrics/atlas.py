"""Tables about one expert of a profile: its tokens, its partners, the experts most like it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from moe_viz.data.scores import Array
from moe_viz.metrics.coactivation import coactivation_table
from moe_viz.metrics.domains import CONFIDENCE, DRAWS
from moe_viz.metrics.flow import links
from moe_viz.metrics.load import load
from moe_viz.metrics.similarity import load_divergence
from moe_viz.metrics.specialists import Specialists, site_columns
from moe_viz.metrics.tokens import visible
from moe_viz.metrics.vocabulary import MINIMUM
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.profiles.profile_counts import FIRST, LATER, VIEWS
from moe_viz.profiles.token_table import CELL, Counts

_Z = 1.96
"""The quantile of the normal distribution for a 95 % interval."""


def taken_tokens(
    profile: ExpertProfile, site: int, expert: int, view: str = "input", minimum: int = MINIMUM
) -> pd.DataFrame:
    """The tokens that an expert takes, the most certain ones first.

    Columns: token (its text made visible), token_id, taken (at any rank, at least), missed (how many more at
    most), met (how often it occurs in the text), share (taken / met), at_least (lower end of
    Wilson's 95 % interval of the share; rows are sorted by it), lift (share / the expert's
    share of all tokens). Tokens met fewer than `minimum` times are left out: the share of a token that
    is met once is always 0 or 1.
    """
    index = VIEWS.index(view)
    table, met = profile.token_tables[index], profile.occurrences[index]
    taken: Counts = np.zeros(len(met), dtype=np.int64)
    missed = 0
    for rank in (LATER, FIRST):
        cell = (rank * len(profile.sites) + site) * profile.experts + expert
        start, end = np.searchsorted(table.keys, [cell * CELL, (cell + 1) * CELL])
        taken[table.keys[start:end] - cell * CELL] += table.counts[start:end]
        missed += int(table.missed[cell])
    token = np.flatnonzero((taken > 0) & (met >= minimum))
    share = taken[token] / met[token]
    overall = profile.counts()[:, site, expert].sum() / profile.tokens.sum()
    rows = pd.DataFrame(
        {
            "token": [visible(profile.token_texts.get(t, f"token {t}"), spaces=True) for t in token.tolist()],
            "token_id": token,
            "taken": taken[token],
            "missed": missed,
            "met": met[token],
            "share": share,
            "at_least": _wilson_low(share, met[token]),
            "lift": share / overall if overall else np.nan,
        }
    )
    return rows.sort_values("at_least", ascending=False, ignore_index=True)


def _wilson_low(share: Array, n: Counts) -> Array:
    """Lower end of Wilson's interval of a share of `n` (Journal of the American Statistical Association 22, 1927)."""
    centre = share + _Z**2 / (2 * n)
    spread = _Z * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    low: Array = (centre - spread) / (1 + _Z**2 / n)
    return np.maximum(low, 0)


def domain_shares(
    profile: ExpertProfile, specialists: Specialists, site: int, expert: int, rng: np.random.Generator
) -> pd.DataFrame:
    """How one expert serves each domain, in the profile's order.

    Columns: domain, documents (or blocks of them), tokens (that used the expert), share (of the domain's
    tokens), low, high (bootstrap over the domain's documents, percentiles at `CONFIDENCE`; NaN for a
    single document), q, marked.
    """
    counts, labels = profile.by_document()
    tail = (1 - CONFIDENCE) / 2
    documents = np.bincount(labels, minlength=len(profile.domains))
    low, high = np.full((2, len(documents)), np.nan)
    for domain in np.flatnonzero(documents > 1):
        own = labels == domain
        weights = rng.multinomial(documents[domain], np.full(documents[domain], 1 / documents[domain]), DRAWS)
        drawn = (weights @ counts[own, site, expert]) / (weights @ profile.block_tokens[own])
        low[domain], high[domain] = np.quantile(drawn, [tail, 1 - tail])
    return pd.DataFrame(
        {
            "domain": profile.domains,
            "documents": documents,
            "tokens": profile.counts()[:, site, expert].astype(np.int64),
            "share": specialists.use[:, site, expert],
            "low": low,
            "high": high,
            "q": specialists.q[:, site, expert],
            "marked": specialists.marked[:, site, expert],
        }
    )


def partners(profile: ExpertProfile, site: int, expert: int) -> dict[str, pd.DataFrame]:
    """The experts that share tokens with an expert, in the layers "before", "beside" and "after" it.

    Columns: site, name, layer, expert, tokens (that took both), share (of this expert's tokens), expected
    (tokens, by chance), lift (tokens / expected), as `links` and, for those beside it, `coactivation_table`
    define them. The largest lift comes first; experts with too few tokens for a lift come last.
    """
    tables = dict(tuple(links(profile, site, [expert]).groupby("direction")))
    if profile.sites[site].top_k > 1:
        beside = coactivation_table(profile, site)
        beside = beside[beside["expert"] == expert].reset_index(drop=True)
        tables["beside"] = beside.assign(**site_columns(profile, np.full(len(beside), site)))
    columns = ["site", "name", "layer", "expert", "tokens", "share", "expected", "lift"]
    return {
        where: tables[where]
        .drop(columns="expert")
        .rename(columns={"other": "expert"})[columns]
        .dropna(subset="share")
        .sort_values(["lift", "share"], ascending=False, ignore_index=True)
        for where in ("before", "beside", "after")
        if where in tables
    }


def most_alike(profile: ExpertProfile, use: Array, site: int, expert: int) -> pd.DataFrame:
    """The other experts of all layers, sorted by how similarly they serve the domains; `use [domain site expert]`.

    Columns: site, name, layer, expert, divergence (Jensen-Shannon, in bits, between the two experts'
    distributions over domains, with the same weight for every domain). 0: the same domains in
    the same proportions. 1: no domain in common.
    """
    of_expert = np.moveaxis(use, 0, -1)
    divergence = load_divergence(of_expert, of_expert[site, expert])
    divergence[site, expert] = np.nan
    others = np.nonzero(~np.isnan(divergence))
    rows = pd.DataFrame({**site_columns(profile, others[0]), "expert": others[1], "divergence": divergence[others]})
    return rows.sort_values("divergence", ignore_index=True)


def loads(profile: ExpertProfile, site: int) -> pd.DataFrame:
    """One row per expert of a router: expert, tokens (that used it), load (share of the assignments)."""
    counts = profile.counts().sum(axis=0)[site, : profile.sites[site].num_experts]
    return pd.DataFrame({"expert": np.arange(len(counts)), "tokens": counts.astype(np.int64), "load": load(counts)})
