"""Which experts a domain uses more than other domains do, and which of these differences exceed chance.

Counts are `[document site expert]` with one domain per document, as `ExpertProfile.by_document` gives
them. Tests leave out documents with fewer than `MINIMUM_ASSIGNMENTS` choices: their shares are noise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from moe_viz.data.scores import Array
from moe_viz.metrics.domains import CONFIDENCE, DRAWS, Labels, Redrawn
from moe_viz.metrics.load import load, num_experts

MINIMUM_ASSIGNMENTS = 20
MINIMUM_DOCUMENTS = 5
"""A domain is not tested if it has fewer documents, or if all other domains together have fewer."""
LEAST = 0.5
"""How much larger than the other domains' load a domain's load must be, as a share of an even load, for an
expert to be called its specialist: 1.5 times theirs, where they use it evenly. This is a convention of this
project; no paper states one."""

_ROUNDING = 1e-12


def expert_use(counts: Array, tokens: Array) -> Array:
    """Share of a domain's tokens that use each expert, `[domain site expert]`, from counts and `tokens [domain]`.

    Domain specialization (OLMoE, arXiv 2409.02060, equation 7). It is defined where some slots are empty too;
    uniform is top_k / experts. NaN for a domain without tokens.
    """
    each = np.broadcast_to(tokens[:, None, None], counts.shape)
    return np.divide(counts, each, out=np.full(counts.shape, np.nan), where=each > 0)


def risk_difference(use: Array) -> Array:
    """Each domain's `expert_use` minus the mean of the other domains', `[domain site expert]`.

    With two domains it is Δ of SteerMoE: A¹/N¹ − A²/N². NaN if there is one domain.
    """
    others = len(use) - 1
    if not others:
        return np.full(use.shape, np.nan)
    rest: Array = use - (use.sum(axis=0) - use) / others
    return rest


class Interval(NamedTuple):
    """The lower and upper end of an interval at `CONFIDENCE`, shares `[domain site expert]`."""

    low: Array
    high: Array


def load_interval(counts: Array, labels: Labels, rng: np.random.Generator, draws: int = DRAWS) -> Interval:
    """Intervals of each domain's load: bootstrap over its documents, percentiles.

    Multiplied by top_k they are the intervals of `expert_use`, if no slot is empty.
    """
    tail = (1 - CONFIDENCE) / 2
    return Interval(*np.quantile(load(Redrawn(labels, rng, draws).by_domain(counts)), [tail, 1 - tail], axis=0))


def specialist_p_values(
    counts: Array, labels: Labels, rng: np.random.Generator, draws: int = DRAWS, least: float = LEAST
) -> Array:
    """p-values for an expert's load being larger in a domain's documents than in all others.

    `[domain site expert]`, one-sided, NaN where it is unknown. The null hypothesis is that the load is
    larger by at most `least` of an even load (1 / experts), not that it is the same: with enough
    documents any two loads differ, and a difference must also be large enough to matter (McCarthy and
    Smyth, TREAT, Bioinformatics 25, 2009). The statistic is Welch's t over documents, of the difference
    minus this amount. Its null comes from `draws` shuffles of the documents' domain labels, pooled over
    all experts (as in Tusher, Tibshirani and Chu, PNAS 98, 2001), so that a few hundred draws reach
    the small values that many tests at once need.
    """
    shares = load(counts)
    kept = np.nansum(counts, axis=-1).min(axis=-1) >= MINIMUM_ASSIGNMENTS
    real = ~np.isnan(shares[kept]).any(axis=0)
    values = shares[kept][:, real]
    even = np.broadcast_to(1 / num_experts(counts[0])[:, None], real.shape)[real]
    p = np.full((labels.max() + 1, *real.shape), np.nan)
    for domain in range(len(p)):
        inside = (labels[kept] == domain).astype(np.float64)
        if min(inside.sum(), (1 - inside).sum()) < MINIMUM_DOCUMENTS:
            continue
        masks = np.stack([inside, *(rng.permutation(inside) for _ in range(draws))])
        difference, error = _difference(masks, values)
        null = np.sort(_in_errors(difference[1:], error[1:]), axis=None)
        as_large = len(null) - np.searchsorted(null, _in_errors(difference[0] - least * even, error[0]))
        p[domain, real] = (1 + as_large) / (1 + len(null))
    return p


def benjamini_hochberg(p: Array) -> Array:
    """Adjusted p-values, of the same shape: values up to q are the discoveries at false-discovery rate q.

    Benjamini and Hochberg, Journal of the Royal Statistical Society B 57 (1995). NaN stays NaN.
    """
    adjusted = np.full(p.shape, np.nan)
    known = ~np.isnan(p)
    tested = p[known]
    order = np.argsort(-tested)
    scaled = tested[order] * len(tested) / np.arange(len(tested), 0, -1)
    smallest = np.empty_like(tested)
    smallest[order] = np.minimum(np.minimum.accumulate(scaled), 1)
    adjusted[known] = smallest
    return adjusted


def _difference(inside: Array, values: Array) -> tuple[Array, Array]:
    """Mean of `values [document value]` inside a mask `[draw document]` minus outside it, and its standard error."""
    size = inside.sum(axis=1, keepdims=True)
    sums, squares = inside @ values, inside @ values**2
    means, errors = [], []
    for many, total, of_squares in (
        (size, sums, squares),
        (len(values) - size, values.sum(axis=0) - sums, (values**2).sum(axis=0) - squares),
    ):
        means.append(total / many)
        errors.append(np.maximum(of_squares / many - means[-1] ** 2, 0) / (many - 1))
    return means[0] - means[1], np.sqrt(errors[0] + errors[1])


def _in_errors(difference: Array, error: Array) -> Array:
    """A difference in standard errors, Welch's t; infinite where the error is 0."""
    sure = np.select([difference > _ROUNDING, difference < -_ROUNDING], [np.inf, -np.inf], 0.0)
    return np.divide(difference, error, out=sure, where=error > _ROUNDING)
