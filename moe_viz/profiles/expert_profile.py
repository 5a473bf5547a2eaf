"""`ExpertProfile`: how a model routed a corpus, as counts that can be added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.trace import Provenance, RouterSite, RoutingTrace
from moe_viz.profiles.token_table import TokenTable

Counts = NDArray[np.int64]
Array = NDArray[np.float64]

UNIT = 2.0**-28
"""What the sums of weights and probabilities count in: a value is rounded to a whole number of
these (4e-9) before it is added, so that sums are exact and do not depend on the order."""
SQUARE_UNIT = 2.0**-16
"""The same for squared logits, which are larger."""
BLOCKS = 400
"""At most so many documents of a domain stand by themselves; beyond, documents are pooled into so
many blocks by the hash of their text. Fewer for a model of many experts (`blocks_of`)."""
VIEWS = ("input", "predicted", "next")
"""What is counted by token: the token read, the model's first guess of the next, and the true next."""
LATER, FIRST = 0, 1
"""`ExpertProfile.repeats`: any expert of both, or the first choice of both."""


def blocks_of(sites: Iterable[RouterSite]) -> int:
    """The most blocks that a domain has: `BLOCKS`, or what keeps them within 2²¹ counts."""
    return max(32, min(BLOCKS, 2**21 // sum(site.num_experts for site in sites)))


def capacity_of(sites: Iterable[RouterSite]) -> int:
    """The most tokens that a cell of a token table keeps: 256 to 8,192, fewer the more experts there are."""
    return max(256, min(8192, 2**22 // sum(site.num_experts for site in sites)))


@dataclass(frozen=True, order=True)
class Group:
    """What is counted together: the tokens of one domain that were given, or that the model wrote."""

    domain: str
    generated: bool


@dataclass(frozen=True)
class Run:
    """One pass over one corpus, from which counts come."""

    provenance: Provenance
    corpus: str
    """What the text is, in words."""
    max_tokens_per_document: int | None
    window: int | None
    """Documents longer than this many tokens were read in windows that know nothing of each other."""
    documents: int
    """How many were counted ..."""
    skipped: int
    """... and how many were empty."""
    tokens: int
    digest: str
    """Of the documents read so far, in their order; empty where that is not known."""
    complete: bool
    """False: the run was stopped before the corpus's end."""


@dataclass(frozen=True, eq=False)
class ExpertProfile:
    """Sufficient statistics of a corpus's routing; arrays are read-only.

    Ranks follow the gating weight: rank 0, the first choice, has the largest. Sites with fewer
    experts than others have zeros beyond their own. Raises ProfileError if the parts contradict
    each other.
    """

    sites: tuple[RouterSite, ...]
    groups: tuple[Group, ...]
    """Sorted."""
    runs: tuple[Run, ...]
    token_texts: Mapping[int, str]
    """What each token id that was met is called."""
    tokens: Counts
    """`[group]`"""
    selections: Counts
    """`[group site rank expert]`: tokens that took the expert as their choice of this rank."""
    gate_units: Counts
    """`[group site expert]`: gating weights added up, in `UNIT`."""
    probability_units: Counts
    """`[group site expert]`: router probabilities (scores divided by their sum) of all tokens
    with known scores, chosen or not, added up, in `UNIT`."""
    scored_tokens: Counts
    """`[group site]`: how many tokens those are."""
    square_units: Counts
    """`[group site]`: logsumexp(logits)² of those tokens, added up, in `SQUARE_UNIT`."""
    neighbours: Counts
    """`[group site]`: pairs of neighbouring tokens, by the later one, both with an expert."""
    repeats: Counts
    """`[group site 2]`: those that share any expert (`LATER`), and those with the same first choice (`FIRST`)."""
    pairs: Counts
    """`[site expert expert]`: tokens that took both, the first expert at a better rank than the second."""
    adjacent_pairs: Counts
    """`[site expert expert]`: those of them whose ranks follow one on the other."""
    transitions: Counts
    """`[site-1 expert expert]`: tokens that took the first expert at a site and the second at the next."""
    block_group: NDArray[np.int32]
    """`[block]`: the group of each block of documents, rising."""
    block_key: NDArray[np.uint64]
    """`[block]`: the hash of the block's document, or the block's number where documents are pooled."""
    block_documents: Counts
    """`[block]`: more than one for documents of the same text, or pooled ones."""
    block_tokens: Counts
    """`[block]`"""
    block_selections: NDArray[np.int32]
    """`[block site expert]`: tokens that took the expert, at any rank."""
    block_first: NDArray[np.int32]
    """`[block site expert]`: as their first choice."""
    pooled: NDArray[np.bool_]
    """`[group]`: whether the group's documents are pooled."""
    occurrences: Counts
    """`[view token]`: how often each token id stands in each of `VIEWS`, up to the largest id met."""
    token_tables: tuple[TokenTable, ...]
    """One a view, with cells `[2 site expert]`: choices after the first (`LATER`), and first choices."""
    group_table: TokenTable
    """First choices by the token read, with cells `[group site expert]`."""

    def __post_init__(self) -> None:
        from moe_viz.profiles.check import check  # which needs this module

        object.__setattr__(self, "token_texts", MappingProxyType(dict(self.token_texts)))
        check(self)
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExpertProfile) and all(
            np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b
            for a, b in ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        )

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains, sorted: the rows of everything below that has a domain axis."""
        return tuple(sorted({group.domain for group in self.groups}))

    @property
    def experts(self) -> int:
        """The most experts that a site has: the length of every expert axis."""
        return max(site.num_experts for site in self.sites)

    @property
    def complete(self) -> bool:
        """Whether every run reached its corpus's end."""
        return all(run.complete for run in self.runs)

    def tokens_by_domain(self, generated: bool | None = None) -> Array:
        """How many tokens, `[domain]`: all of them, or only the given or the `generated` ones."""
        return self._by_domain(self.tokens.astype(np.float64), generated)

    def counts(self, generated: bool | None = None, *, first: bool = False) -> Array:
        """Tokens that took each expert, `[domain site expert]`, at any rank or as their `first` choice.

        NaN where a site has no such expert, here and below.
        """
        ranks = self.selections[:, :, :1] if first else self.selections
        return self._beyond_nan(self._by_domain(ranks.sum(axis=2).astype(np.float64), generated))

    def gate_sums(self, generated: bool | None = None) -> Array:
        """Gating weights added up, `[domain site expert]`."""
        return self._beyond_nan(self._by_domain(self.gate_units.astype(np.float64) * UNIT, generated))

    def mean_probabilities(self, generated: bool | None = None) -> Array:
        """The mean router probability of each expert over all tokens, `[domain site expert]`; NaN where unknown."""
        sums = self._beyond_nan(self._by_domain(self.probability_units.astype(np.float64) * UNIT, generated))
        scored = self._by_domain(self.scored_tokens.astype(np.float64), generated)[..., None]
        return np.divide(sums, scored, out=np.full_like(sums, np.nan), where=scored > 0)

    def by_document(self, generated: bool | None = None, *, first: bool = False) -> tuple[Array, NDArray[np.int64]]:
        """Counts `[document site expert]` and the documents' domains `[document]`, as indices of `domains`.

        What is drawn anew for an interval and relabelled for a null (`moe_viz.metrics.domains`).
        Where `pooled`, a row is a block of documents.
        """
        chosen = np.array([generated in (None, group.generated) for group in self.groups], dtype=np.bool_)
        rows = chosen[self.block_group]
        counts = (self.block_first if first else self.block_selections)[rows].astype(np.float64)
        domains = {domain: index for index, domain in enumerate(self.domains)}
        labels = np.array([domains[group.domain] for group in self.groups], dtype=np.int64)
        return self._beyond_nan(counts), labels[self.block_group[rows]]

    def merge(self, *others: ExpertProfile) -> ExpertProfile:
        """The profile of all the text together; in whatever order, the same.

        Raises ProfileError if they are not of the same model and routers.
        """
        from moe_viz.profiles.merge import merged

        return merged([self, *others])

    @staticmethod
    def of_traces(traces: Mapping[str, Iterable[RoutingTrace]]) -> ExpertProfile:
        """The profile of traces by domain, each a document. Raises ProfileError if they are of different models."""
        from moe_viz.profiles.count import profile_of_traces

        return profile_of_traces(traces)

    def save(self, path: str | Path) -> None:
        """Write the profile to a file, by custom `*.moeprofile` (safetensors, zstd), whole or not at all."""
        from moe_viz.profiles.profile_file import write_path

        write_path(self, Path(path))

    @staticmethod
    def load(path: str | Path) -> ExpertProfile:
        """Read a profile from a file. Raises ProfileFileError if it is damaged or no profile."""
        from moe_viz.profiles.profile_file import read_path

        return read_path(Path(path))

    def _by_domain(self, values: Array, generated: bool | None) -> Array:
        """Add up `[group ...]` by domain."""
        sums = np.zeros((len(self.domains), *values.shape[1:]))
        for group, value in zip(self.groups, values, strict=True):
            if generated in (None, group.generated):
                sums[self.domains.index(group.domain)] += value
        return sums

    def _beyond_nan(self, values: Array) -> Array:
        for site, router in enumerate(self.sites):
            values[..., site, router.num_experts :] = np.nan
        return values
