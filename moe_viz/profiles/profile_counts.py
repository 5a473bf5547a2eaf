"""`ProfileCounts`: the fields of a profile, each with its axes and with how it adds up, and their check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.arrays import same_fields
from moe_viz.data.router_site import RouterSite
from moe_viz.errors import ProfileError
from moe_viz.profiles.corpus_run import CorpusRun, TokenGroup
from moe_viz.profiles.schema import array, array_fields, table, table_fields
from moe_viz.profiles.token_table import Counts, TokenTable

UNIT = 2.0**-28
"""Unit of the sums of weights and probabilities: a value is rounded to a whole number of
these (4e-9) before it is added, so that sums are exact and do not depend on the order."""
SQUARE_UNIT = 2.0**-16
"""The same for squared logits, which are larger."""
BLOCKS = 400
"""At most this many documents of a domain stand by themselves; beyond, documents are pooled into as
many blocks by the hash of their text. Fewer for a model of many experts (`blocks_of`)."""
VIEWS = ("input", "predicted", "next")
"""The tokens by which choices are counted: the token read, the model's first guess of the next, and the true next."""
LATER, FIRST = 0, 1
"""The axis `order`: choices after the first, and the first. In `repeats`: any expert, and the first choice."""


def blocks_of(sites: Iterable[RouterSite]) -> int:
    """The most blocks that a domain has: `BLOCKS`, or as many as fit in 2²¹ counts."""
    return max(32, min(BLOCKS, 2**21 // sum(site.num_experts for site in sites)))


def capacity_of(sites: Iterable[RouterSite]) -> int:
    """The most tokens that a cell of a token table keeps: 256 to 8,192, fewer the more experts there are."""
    return max(256, min(8192, 2**22 // sum(site.num_experts for site in sites)))


@dataclass(frozen=True, eq=False)
class ProfileCounts:
    """Sufficient statistics of a corpus's routing; arrays are read-only.

    Ranks follow the gating weight: rank 0, the first choice, has the largest. Sites with fewer
    experts than others have zeros beyond their own. Raises ProfileError if the parts contradict
    each other.
    """

    sites: tuple[RouterSite, ...]
    groups: tuple[TokenGroup, ...]
    """Sorted."""
    runs: tuple[CorpusRun, ...]
    token_texts: Mapping[int, str]
    """The name of each token id that occurred."""
    tokens: Counts = field(metadata=array("group", "by group"))
    """How many tokens."""
    selections: Counts = field(metadata=array("group site rank expert", "by group"))
    """Tokens that took the expert as their choice of this rank."""
    gate_units: Counts = field(metadata=array("group site expert", "by group", signed=True))
    """Gating weights added up, in `UNIT`."""
    probability_units: Counts = field(metadata=array("group site expert", "by group"))
    """Router probabilities (scores divided by their sum) of all tokens with known scores, chosen or
    not, added up, in `UNIT`."""
    scored_tokens: Counts = field(metadata=array("group site", "by group"))
    """How many tokens have known scores."""
    square_units: Counts = field(metadata=array("group site", "by group"))
    """logsumexp(logits)² of those tokens, added up, in `SQUARE_UNIT`."""
    neighbours: Counts = field(metadata=array("group site", "by group"))
    """Pairs of neighbouring tokens that both have an expert, counted at the later token."""
    repeats: Counts = field(metadata=array("group site order", "by group"))
    """Pairs that share any expert (`LATER`), and pairs with the same first choice (`FIRST`)."""
    pairs: Counts = field(metadata=array("site expert expert", "as it is"))
    """Tokens that took both, the first expert at a better rank than the second."""
    adjacent_pairs: Counts = field(metadata=array("site expert expert", "as it is"))
    """Of these, the ones whose two ranks are neighbours."""
    transitions: Counts = field(metadata=array("site-1 expert expert", "as it is"))
    """Tokens that took the first expert at a site and the second at the next."""
    block_group: NDArray[np.int32] = field(metadata=array("block", "by a rule of its own", np.int32))
    """The group of each block of documents, rising."""
    block_key: NDArray[np.uint64] = field(metadata=array("block", "by a rule of its own", np.uint64))
    """The hash of the block's document, or the block's number where documents are pooled."""
    block_documents: Counts = field(metadata=array("block", "by block"))
    """Number of documents: more than one for documents of the same text, or pooled ones."""
    block_tokens: Counts = field(metadata=array("block", "by block"))
    """How many tokens."""
    block_selections: NDArray[np.int32] = field(metadata=array("block site expert", "by block", np.int32))
    """Tokens that took the expert, at any rank."""
    block_first: NDArray[np.int32] = field(metadata=array("block site expert", "by block", np.int32))
    """Tokens that took it as their first choice."""
    pooled: NDArray[np.bool_] = field(metadata=array("group", "by a rule of its own", np.bool_))
    """Whether the group's documents are pooled."""
    occurrences: Counts = field(metadata=array("view token", "to the longest"))
    """How often each token id occurs in each of `VIEWS`, up to the largest id that occurred."""
    token_tables: tuple[TokenTable, ...] = field(metadata=table("order site expert"))
    """One per view: choices after the first (`LATER`), and first choices (`FIRST`), by token."""
    group_table: TokenTable = field(metadata=table("group site expert"))
    """First choices by the token read."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "token_texts", MappingProxyType(dict(self.token_texts)))
        self._check()
        for name in array_fields(self):
            getattr(self, name).setflags(write=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProfileCounts) and same_fields(self, other)

    @property
    def experts(self) -> int:
        """The most experts that a site has: the length of every expert axis."""
        return max(site.num_experts for site in self.sites)

    @property
    def axes(self) -> dict[str, int]:
        """The length of each axis."""
        return {
            "group": len(self.groups),
            "site": len(self.sites),
            "site-1": len(self.sites) - 1,
            "rank": max(site.top_k for site in self.sites),
            "expert": self.experts,
            "order": 2,
            "block": len(self.block_key),
            "view": len(VIEWS),
            "token": self.occurrences.shape[-1],
        }

    def _check(self) -> None:
        if not self.sites or not self.groups or not self.runs:
            raise ProfileError("a profile needs at least one router, one domain and one run")
        if any(site.num_experts < 1 or site.top_k < 1 for site in self.sites):
            raise ProfileError("a router must have at least one expert, and choose at least one")
        if list(self.groups) != sorted(set(self.groups)):
            raise ProfileError("a profile's groups must be sorted, each once")
        sizes = self.axes
        for name, of in array_fields(self).items():
            values, shape = getattr(self, name), of.shape(sizes)
            if values.shape != shape or values.dtype != of.dtype:
                raise ProfileError(
                    f"{name} is {values.dtype} {values.shape}, expected {np.dtype(of.dtype)} {shape}:"
                    f" [{' '.join(of.axes)}]"
                )
            if not of.signed and values.dtype != np.bool_ and (values < 0).any():
                raise ProfileError(f"{name} has a count below 0")
        if (self.tokens < 1).any():
            raise ProfileError("a domain has no token")
        self._check_blocks()
        if len(self.token_tables) != len(VIEWS):
            raise ProfileError(f"{len(self.token_tables)} token tables, expected {len(VIEWS)}")
        for name, cells in table_fields(self).items():
            kept = getattr(self, name)
            for one in kept if isinstance(kept, tuple) else (kept,):
                _check_table(name, one, cells.cells(sizes), sizes["token"])

    def _check_blocks(self) -> None:
        """Check that blocks are in their groups' order, and add up to them."""
        group, key = self.block_group, self.block_key
        after = (np.diff(group) > 0) | ((np.diff(group) == 0) & (key[1:] > key[:-1]))
        if (group >= len(self.groups)).any() or not after.all():
            raise ProfileError("the blocks must be sorted by group and key, each once")
        sums = np.bincount(group, weights=self.block_tokens, minlength=len(self.groups))
        if not np.array_equal(sums, self.tokens):
            raise ProfileError("the blocks' tokens do not add up to the groups' tokens")
        for name, blocks, whole in (
            ("block_selections", self.block_selections, self.selections.sum(axis=(0, 2))),
            ("block_first", self.block_first, self.selections[:, :, 0].sum(axis=0)),
        ):
            if not np.array_equal(blocks.sum(axis=0, dtype=np.int64), whole):
                raise ProfileError(f"{name} does not add up to the selections")


def _check_table(name: str, kept: TokenTable, cells: int, tokens: int) -> None:
    if len(kept.missed) != cells:
        raise ProfileError(f"{name}: a table has {len(kept.missed)} cells, expected {cells}")
    if kept.largest_token >= tokens:
        raise ProfileError(f"{name}: a table has token {kept.largest_token}, but only {tokens} are counted")
