"""The specialists of a profile: which experts are marked, by how much, and whether this holds on held-out texts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from moe_viz.data.scores import Array
from moe_viz.metrics.domains import (
    CONFIDENCE,
    Estimate,
    GivenToken,
    Labels,
    Redrawn,
    by_domain,
)
from moe_viz.metrics.load import load
from moe_viz.metrics.specialization import (
    LEAST,
    Interval,
    benjamini_hochberg,
    expert_use,
    risk_difference,
    specialist_p_values,
)
from moe_viz.profiles.expert_profile import ExpertProfile

LEVEL = 0.05
"""The false-discovery rate among all marked specialists."""


class Specialists(NamedTuple):
    """How each expert serves each domain; every array is `[domain site expert]`, NaN where it is unknown."""

    use: Array
    """Share of the domain's tokens that use the expert."""
    difference: Array
    """This share minus the mean of the other domains' shares."""
    low: Array
    high: Array
    """The interval of the difference: bootstrap over documents within their domains, percentiles."""
    q: Array
    """Adjusted p-value of a difference beyond `least`, over all domains, layers and experts together."""
    least: Array
    """The smallest difference that makes an expert a specialist, `[site]`: `LEAST` of an even use."""

    @property
    def marked(self) -> NDArray[np.bool_]:
        """Experts whose difference is beyond `least` by more than chance, at a false-discovery rate of `LEVEL`."""
        return (self.q <= LEVEL) & (self.difference > self.least[:, None])


def find_specialists(profile: ExpertProfile, rng: np.random.Generator) -> Specialists:
    """Every expert compared across the domains of a profile, with intervals and tests."""
    counts, labels = profile.by_document()
    use = expert_use(profile.counts(), profile.tokens_by_domain())
    q = benjamini_hochberg(specialist_p_values(counts, labels, rng))
    interval = _difference_interval(counts, labels, _top_k(profile), rng)
    return Specialists(use, risk_difference(use), *interval, q, _least(profile))


def _difference_interval(counts: Array, labels: Labels, top_k: Array, rng: np.random.Generator) -> Interval:
    again = Redrawn(labels, rng)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.empty((2, labels.max() + 1, *counts.shape[1:]))
    for site, k in enumerate(top_k):  # one at a time: all draws of all sites need not fit into memory
        use = load(again.by_domain(counts[:, site])) * k
        drawn = risk_difference(use.swapaxes(0, 1))
        low[:, site], high[:, site] = np.quantile(drawn, [tail, 1 - tail], axis=1)
    return Interval(low, high)


class HeldOut(NamedTuple):
    """Specialists found in half of the documents and tested in the other half; arrays `[domain site expert]`."""

    found: NDArray[np.bool_]
    """Marked in the first half."""
    fitted: Array
    """The difference in the half in which they were found ..."""
    held_out: Array
    """... and in the other half, which was not used to choose them."""
    confirmed: NDArray[np.bool_]
    """The found specialists that pass the test in the other half too, at `LEVEL`."""


def held_out(profile: ExpertProfile, rng: np.random.Generator) -> HeldOut | None:
    """Find specialists in half of each domain's documents, and test only these in the other half.

    Returns None if a domain has a single document.
    """
    counts, labels = profile.by_document()
    if np.bincount(labels).min() < 2:
        return None
    first = np.zeros(len(labels), dtype=np.bool_)
    for domain in range(len(profile.domains)):
        own = rng.permutation(np.flatnonzero(labels == domain))
        first[own[: (len(own) + 1) // 2]] = True
    differences, p = [], []
    for half in (first, ~first):
        use = load(by_domain(counts[half], labels[half])) * _top_k(profile)[:, None]
        differences.append(risk_difference(use))
        p.append(specialist_p_values(counts[half], labels[half], rng))
    enough = _least(profile)[:, None]
    found = (benjamini_hochberg(p[0]) <= LEVEL) & (differences[0] > enough)
    again = benjamini_hochberg(np.where(found, p[1], np.nan)) <= LEVEL
    return HeldOut(found, differences[0], differences[1], again & (differences[1] > enough))


def use_table(profile: ExpertProfile, specialists: Specialists) -> pd.DataFrame:
    """One row per (domain, site, expert): domain, site, name, layer, expert, tokens (that used it), share,
    difference, low, high, q, marked.
    """
    counts = profile.counts()
    domain, site, expert = np.nonzero(~np.isnan(counts))
    at = domain, site, expert
    return pd.DataFrame(
        {
            "domain": np.array(profile.domains, dtype=object)[domain],
            **site_columns(profile, site),
            "expert": expert,
            "tokens": counts[at].astype(np.int64),
            "share": specialists.use[at],
            "difference": specialists.difference[at],
            "low": specialists.low[at],
            "high": specialists.high[at],
            "q": specialists.q[at],
            "marked": specialists.marked[at],
        }
    )


def best_domains(profile: ExpertProfile, specialists: Specialists) -> pd.DataFrame:
    """One row per (site, expert): best_domain (the domain with the largest difference), largest_difference
    (between shares of tokens), marked (whether the expert is a specialist of any domain).

    The values are missing if there is only one domain.
    """
    site, expert = np.nonzero(~np.isnan(profile.counts()[0]))
    difference = specialists.difference[:, site, expert]
    if np.isnan(difference).all():
        nothing = {"best_domain": None, "largest_difference": np.nan, "marked": False}
        return pd.DataFrame(nothing, index=range(len(site)))
    best = np.nan_to_num(difference, nan=-np.inf).argmax(axis=0)
    return pd.DataFrame(
        {
            "best_domain": np.array(profile.domains, dtype=object)[best],
            "largest_difference": difference[best, np.arange(len(site))],
            "marked": specialists.marked[:, site, expert].any(axis=0),
        }
    )


def held_out_table(profile: ExpertProfile, halves: HeldOut) -> pd.DataFrame:
    """One row per specialist of the first half: domain, site, name, layer, expert, fitted, held_out, confirmed."""
    at = domain, site, expert = np.nonzero(halves.found)
    return pd.DataFrame(
        {
            "domain": np.array(profile.domains, dtype=object)[domain],
            **site_columns(profile, site),
            "expert": expert,
            "fitted": halves.fitted[at],
            "held_out": halves.held_out[at],
            "confirmed": halves.confirmed[at],
        }
    )


def information_table(
    profile: ExpertProfile, estimate: Estimate, first_choice: Array, given_token: list[GivenToken]
) -> pd.DataFrame:
    """One row per site, in bits: bits, low, high, null_mean, null_largest of the domain information;
    first_choice_bits, of first choices alone; left_bits, what is left of these within one token, with
    its null left_null subtracted; and the tokens and the share_of_text that left_bits is computed from.
    """
    left = pd.DataFrame(given_token)
    return pd.DataFrame(
        {
            **site_columns(profile, np.arange(len(profile.sites))),
            "bits": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
            "null_mean": estimate.null_mean,
            "null_largest": estimate.null_largest,
            "first_choice_bits": first_choice,
            "left_bits": left["bits"] - left["null_mean"],
            "left_null": left["null_mean"],
            "tokens": left["tokens"],
            "share_of_text": left["share_of_text"],
        }
    )


def site_columns(profile: ExpertProfile, site: NDArray[np.integer]) -> dict[str, np.ndarray]:
    """The columns that name a row's router: site (its index), name, layer."""
    return {
        "site": site,
        "name": np.array([router.name for router in profile.sites], dtype=object)[site],
        "layer": np.array([router.layer for router in profile.sites])[site],
    }


def _least(profile: ExpertProfile) -> Array:
    return LEAST * _top_k(profile) / np.array([site.num_experts for site in profile.sites])


def _top_k(profile: ExpertProfile) -> Array:
    return np.array([site.top_k for site in profile.sites], dtype=np.float64)
