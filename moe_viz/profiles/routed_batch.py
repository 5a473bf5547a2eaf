"""Some documents' routing side by side in one set of arrays, ready to be counted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.arrays import NO_EXPERT
from moe_viz.data.router_site import RouterSite
from moe_viz.data.routing import Routing
from moe_viz.profiles.corpus_run import TokenGroup
from moe_viz.profiles.token_table import Counts

Array = NDArray[np.float64]

UNKNOWN = -1
"""Stands for a token whose id is not known: it counts for the experts, and in no table by token."""


class RoutedWindow(NamedTuple):
    """A stretch of one document, as it was routed."""

    domain: str
    document: int
    """`document_key` of the whole document."""
    opens: bool
    """Whether the document begins with it."""
    routing: Routing


def document_key(content: bytes) -> int:
    """The identity of a document: the hash of its content, 64 bits. The same text is the same document."""
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


class RoutedBatch:
    """Windows one after the other. A token's block is its document's given, or generated, tokens."""

    def __init__(self, windows: Sequence[RoutedWindow], sites: tuple[RouterSite, ...]) -> None:
        routings = [window.routing for window in windows]
        self.sites = sites
        self.experts = max(site.num_experts for site in sites)
        self.token_ids: Counts = np.concatenate([routing.token_ids for routing in routings]).astype(np.int64)
        self.window = np.repeat(np.arange(len(windows)), [len(routing.token_ids) for routing in routings])
        """`[token]`"""
        self.expert_ids, self.gate_weights = _ranked(routings)
        self.expert_ids[self.expert_ids == NO_EXPERT] = self.experts
        """`[site token rank]`: the number of experts, which is one too high for an index, means none."""
        self.logits = _logits(routings, (len(sites), len(self.window), self.experts))
        """`[site token expert]`: NaN where unknown."""
        self.predicted = np.concatenate(
            [np.full(len(r.token_ids), UNKNOWN) if r.predicted is None else r.predicted for r in routings]
        ).astype(np.int64)
        """`[token]`: `UNKNOWN` where it is not known."""

        code = 2 * self.window + np.concatenate([routing.generated for routing in routings])
        owner = {
            int(c): (TokenGroup(windows[c // 2].domain, bool(c % 2)), windows[c // 2].document) for c in np.unique(code)
        }
        self.blocks = sorted(set(owner.values()))
        """Each block's group and its document's key."""
        self.groups = tuple(sorted({group for group, _key in self.blocks}))
        number = {block: index for index, block in enumerate(self.blocks)}
        of_code = np.zeros(2 * len(windows), dtype=np.int64)
        self.documents: Counts = np.zeros(len(self.blocks), dtype=np.int64)
        """`[block]`: how many documents begin in these windows."""
        for c, block in owner.items():
            of_code[c] = number[block]
            self.documents[number[block]] += windows[c // 2].opens
        self.block = of_code[code]
        """`[token]`"""
        self.block_group = np.array([self.groups.index(group) for group, _key in self.blocks], dtype=np.int32)

    def by_block(self, values: Array) -> Counts:
        """Add up whole numbers `[site token]` by block, `[block site]`."""
        sites = len(self.sites)
        index = self.block * sites + np.arange(sites)[:, None]
        return _added_up(index, values, (len(self.blocks), sites))

    def by_choice(self, values: Array | None) -> Counts:
        """Add up whole numbers `[site token rank]`, by default 1 each, by expert, `[block rank site expert]`."""
        sites, _tokens, ranks = self.expert_ids.shape
        slot = (self.block[:, None] * ranks + np.arange(ranks)) * sites + np.arange(sites)[:, None, None]
        index = slot * (self.experts + 1) + self.expert_ids
        return _added_up(index, values, (len(self.blocks), ranks, sites, self.experts + 1))[..., :-1]

    def by_group(self, values: Counts) -> Counts:
        """Add up `[block ...]` by group."""
        sums = np.zeros((len(self.groups), *values.shape[1:]), dtype=np.int64)
        np.add.at(sums, self.block_group, values)
        return sums

    def crossed(self, a: Counts, b: Counts) -> Counts:
        """How often expert `a [site ...]` meets expert `b [site ...]`, `[site expert expert]`."""
        width = self.experts + 1
        site = np.arange(len(a)).reshape(-1, *[1] * (max(a.ndim, b.ndim) - 1))
        return _added_up((site * width + a) * width + b, None, (len(a), width, width))[:, :-1, :-1]


def _added_up(index: NDArray[np.int64], values: Array | None, shape: tuple[int, ...]) -> Counts:
    """Sums by index; exact, since float64 holds whole numbers below 2⁵³."""
    weights = None if values is None else values.ravel()
    return np.bincount(index.ravel(), weights, int(np.prod(shape))).reshape(shape).astype(np.int64)


def _ranked(routings: Sequence[Routing]) -> tuple[Counts, Array]:
    """Experts and gating weights `[site token rank]`, the largest weight first and empty slots last."""
    ids = np.concatenate([routing.expert_ids for routing in routings], axis=1).astype(np.int64)
    weights = np.concatenate([routing.gate_weights for routing in routings], axis=1).astype(np.float64)
    ahead = np.where(ids == NO_EXPERT, np.inf, -weights)
    if (ahead[..., :-1] <= ahead[..., 1:]).all():
        return ids, weights
    order = np.argsort(ahead, axis=-1, kind="stable")
    return np.take_along_axis(ids, order, axis=-1), np.take_along_axis(weights, order, axis=-1)


def _logits(routings: Sequence[Routing], shape: tuple[int, int, int]) -> Array:
    sites, tokens, experts = shape
    # Tokens lie side by side in memory: what is added up over the few experts takes half the time so.
    logits, start = np.empty((sites, experts, tokens)).swapaxes(1, 2), 0
    for routing in routings:
        end = start + len(routing.token_ids)
        logits[:, start:end] = np.nan if routing.router_logits is None else routing.router_logits
        start = end
    return logits
