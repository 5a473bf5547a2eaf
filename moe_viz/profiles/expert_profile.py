"""`ExpertProfile`: how a model routed a corpus, as counts that can be added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.router_site import RouterSite, experts_of
from moe_viz.data.trace import RoutingTrace
from moe_viz.data.write_whole import write_whole
from moe_viz.errors import ProfileError
from moe_viz.profiles import profile_file
from moe_viz.profiles.corpus_run import CorpusRun
from moe_viz.profiles.count import counts_of_choices, counts_of_trace, counts_of_windows
from moe_viz.profiles.merge import merged
from moe_viz.profiles.profile_counts import UNIT, ProfileCounts
from moe_viz.profiles.routed_batch import RoutedWindow

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ExpertProfile(ProfileCounts):
    """How a model routed a corpus, by domain, expert, document and token. `ProfileCounts` explains each field.

    Example, with the recorded profile of the bundled model:

    >>> import moe_viz
    >>> from moe_viz.demo import PROBES_PROFILE
    >>> profile = moe_viz.ExpertProfile.load(PROBES_PROFILE)
    >>> profile.counts().shape  # [domain site expert]
    (19, 6, 16)
    >>> profile.merge(profile).domains == profile.domains
    True
    """

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains, sorted: the rows of everything below that has a domain axis."""
        return tuple(sorted({group.domain for group in self.groups}))

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

        These counts are resampled for an interval and relabelled for a null (`moe_viz.metrics.domains`).
        Where `pooled`, a row is a block of documents.
        """
        chosen = np.array([generated in (None, group.generated) for group in self.groups], dtype=np.bool_)
        rows = chosen[self.block_group]
        counts = (self.block_first if first else self.block_selections)[rows].astype(np.float64)
        domains = {domain: index for index, domain in enumerate(self.domains)}
        labels = np.array([domains[group.domain] for group in self.groups], dtype=np.int64)
        return self._beyond_nan(counts), labels[self.block_group[rows]]

    def merge(self, *others: ExpertProfile) -> ExpertProfile:
        """The profile of all the text together; it is the same in any order.

        Raises ProfileError if they are not of the same model and routers.
        """
        return merged([self, *others])

    @classmethod
    def of_windows(
        cls, windows: Sequence[RoutedWindow], sites: tuple[RouterSite, ...], run: CorpusRun
    ) -> ExpertProfile:
        """The profile of these windows, described by `run`; it does not know the tokens' names."""
        return cls(**counts_of_windows(windows, sites, run))

    @classmethod
    def of_traces(cls, traces: Mapping[str, Iterable[RoutingTrace]]) -> ExpertProfile:
        """The profile of traces by domain, each a document.

        Raises ProfileError if there is none, or they are of different models.
        """
        parts = [cls(**counts_of_trace(domain, trace)) for domain, own in traces.items() for trace in own]
        if not parts:
            raise ProfileError("no trace was given; a profile needs at least one")
        tokens = sum(part.runs[0].tokens for part in parts)
        return merged(parts, (replace(parts[0].runs[0], documents=len(parts), tokens=tokens),))

    @classmethod
    def of_choices(cls, trace: RoutingTrace) -> ExpertProfile:
        """The profile of one trace's choices and gating weights: all that the tables of one text need.

        Router probabilities and the tokens that were read stay unknown, which takes less time and
        memory than `of_traces`; everything else is the same.
        """
        return cls(**counts_of_choices(trace))

    def to_bytes(self) -> bytes:
        """The content of the profile's file."""
        return profile_file.write(self)

    @classmethod
    def from_bytes(cls, content: bytes, limit: int | None = None) -> ExpertProfile:
        """The profile in a file's content. Raises ProfileFileError, which says what is wrong with it.

        One that decompresses to more than `limit` bytes, by default `profile_file.MAX_BYTES`, is not read.
        """
        return profile_file.read(cls, content, limit)

    def save(self, path: str | Path) -> None:
        """Write the profile to a file, by convention `*.moeprofile`, whole or not at all."""
        write_whole(path, profile_file.write(self))

    @classmethod
    def load(cls, path: str | Path) -> ExpertProfile:
        """Read a profile from a file. Raises ProfileFileError if there is none, or it is damaged or no profile."""
        return profile_file.read_path(cls, Path(path))

    def _by_domain(self, values: Array, generated: bool | None) -> Array:
        """Add up `[group ...]` by domain."""
        sums = np.zeros((len(self.domains), *values.shape[1:]))
        for group, value in zip(self.groups, values, strict=True):
            if generated in (None, group.generated):
                sums[self.domains.index(group.domain)] += value
        return sums

    def _beyond_nan(self, values: Array) -> Array:
        """`[... site expert]` with NaN where a site has no such expert."""
        values[..., ~experts_of(self.sites)] = np.nan
        return values
