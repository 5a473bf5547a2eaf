"""How far routing follows the domain of the text.

Counts are by document, `[document site expert]`, with each document's domain as a number. Intervals
resample whole documents, and nulls shuffle the labels of whole documents, because the tokens of one
document are not independent of each other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.scores import Array
from moe_viz.metrics.load import load

Labels = NDArray[np.integer]

DRAWS = 200
CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """A statistic of each site with its uncertainty; every array is `[site]`."""

    value: Array
    low: Array
    high: Array
    """The interval at `CONFIDENCE`: basic bootstrap over documents, within their domains."""
    null_mean: Array
    null_largest: Array
    """The statistic when the documents' domain labels are shuffled."""


def by_domain(counts: Array, labels: Labels) -> Array:
    """Add up `[document site expert]` by the documents' `labels [document]`, `[domain site expert]`."""
    return np.tensordot(members(labels), counts, axes=(1, 0))


def domain_specialization(counts: Array, top_k: int) -> Array:
    """Share of a domain's tokens that each expert takes, `[domain site expert]`, from counts of this shape.

    Every token has `top_k` experts, so the shares sum to top_k; uniform is top_k / experts
    (OLMoE, arXiv 2409.02060, equation 7).
    """
    return load(counts) * top_k


def mutual_information(counts: Array) -> Array:
    """I(A; B) in bits of each table of counts `[... a b]`; 0 for an empty table."""
    joint = counts / np.maximum(counts.sum(axis=(-2, -1), keepdims=True), 1)
    apart = joint.sum(axis=-1, keepdims=True) * joint.sum(axis=-2, keepdims=True)
    ratio = np.divide(joint, apart, out=np.ones_like(joint), where=joint > 0)
    bits: Array = (joint * np.log2(ratio)).sum(axis=(-2, -1))
    return bits


def domain_information(counts: Array) -> Array:
    """Mutual information of domain and expert in bits, with the same weight for every domain, `[... site]`.

    `counts [... domain site expert]`. 0: the expert says nothing about the domain. The value is at most
    log2 of the number of domains, or log2 of experts / top_k if that is less.
    """
    shares = np.nan_to_num(load(counts))
    return mutual_information(np.moveaxis(shares, -3, -2))


def estimated_domain_information(
    counts: Array, labels: Labels, rng: np.random.Generator, over_sites: bool = False
) -> Estimate:
    """`domain_information` of `[document site expert]` counts, with its interval and its null.

    The interval is 2θ minus the bootstrap's quantiles (Davison and Hinkley, Bootstrap Methods,
    1997, equation 5.6), which corrects the upward bias of mutual information in a sample.
    With `over_sites` it is the mean over sites, as one value. Its interval is narrower than the
    intervals of the sites, but not as narrow as if the sites were independent.
    """
    again, null = Redrawn(labels, rng), shuffled(labels, rng)
    sites = [
        _information(counts[:, [site]], labels, again, null) for site in range(counts.shape[1])
    ]  # one at a time: all draws of all sites need not fit into memory
    value, drawn, by_chance = (np.concatenate(bits, axis=-1) for bits in zip(*sites, strict=True))
    if over_sites:
        value, drawn, by_chance = (bits.mean(axis=-1, keepdims=True) for bits in (value, drawn, by_chance))
    tail = (1 - CONFIDENCE) / 2
    upper, lower = np.quantile(drawn, [1 - tail, tail], axis=0)
    return Estimate(value, 2 * value - upper, 2 * value - lower, by_chance.mean(axis=0), by_chance.max(axis=0))


def _information(counts: Array, labels: Labels, again: Redrawn, null: Array) -> tuple[Array, Array, Array]:
    """`domain_information` as measured `[site]`, of resampled documents and of shuffled labels, both `[draw site]`."""
    return (
        domain_information(by_domain(counts, labels)),
        domain_information(again.by_domain(counts)),
        domain_information(np.tensordot(null, counts, axes=(-1, 0))),
    )


class GivenToken(NamedTuple):
    """The domain information that is left at one site once the token is known."""

    bits: float
    null_mean: float
    """The same when the experts are shuffled among each token's occurrences: subtract it."""
    tokens: int
    """How many tokens of the vocabulary were used."""
    share_of_text: float
    """Their share of the text."""


def information_given_token(
    first: Labels,
    tokens: Labels,
    labels: Labels,
    rng: np.random.Generator,
    occurrences: int = 200,
    shuffles: int = 20,
) -> GivenToken:
    """Mutual information of domain and first expert within each common token, averaged over their occurrences.

    `first`, `tokens` and `labels` are `[token]`: first choice, token id and domain. Only tokens
    that occur `occurrences` times or more are used. The result cannot come from the domains'
    different vocabularies, because each comparison is within one token.
    """
    seen = np.bincount(tokens)
    common = np.flatnonzero(seen >= occurrences)
    where = np.isin(tokens, common)
    token, domain, expert = np.searchsorted(common, tokens[where]), labels[where], first[where]
    shape = (len(common), labels.max() + 1, first.max() + 1)

    def information(expert: Labels) -> float:
        flat = np.ravel_multi_index((token, domain, expert), shape)
        counts = np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)
        return float((counts.sum(axis=(1, 2)) / max(1, len(token)) * mutual_information(counts)).sum())

    by_token = np.argsort(token, kind="stable")
    null = []
    for _ in range(shuffles):
        shuffled = np.empty_like(expert)
        shuffled[by_token] = expert[np.lexsort((rng.random(len(token)), token))]
        null.append(information(shuffled))
    return GivenToken(information(expert), float(np.mean(null)), len(common), float(where.mean()))


def members(labels: Labels) -> Array:
    """`[domain document]`: 1 where the document is of the domain."""
    return (labels == np.arange(labels.max() + 1)[:, None]).astype(np.float64)


class Redrawn:
    """Each domain's documents resampled `draws` times, with replacement and in the same number."""

    def __init__(self, labels: Labels, rng: np.random.Generator, draws: int = DRAWS) -> None:
        self._labels = labels
        self._weights = [
            rng.multinomial(size, np.full(size, 1 / size), draws).astype(np.float64) for size in np.bincount(labels)
        ]

    def by_domain(self, counts: Array) -> Array:
        """Add up `[document ...]` by the draws, `[draw domain ...]`."""
        own = (counts[self._labels == domain] for domain in range(len(self._weights)))
        sums = [np.tensordot(weights, of, axes=(1, 0)) for weights, of in zip(self._weights, own, strict=True)]
        return np.stack(sums, axis=1)


def shuffled(labels: Labels, rng: np.random.Generator, draws: int = DRAWS) -> Array:
    """`members` for labels that are shuffled among the documents, `[draw domain document]`."""
    return np.stack([members(rng.permutation(labels)) for _ in range(draws)])
