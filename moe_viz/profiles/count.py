"""Counting: from the routing of some documents to the fields of their profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from moe_viz.data.router_site import RouterSite
from moe_viz.data.routing import Routing
from moe_viz.data.scores import router_scores
from moe_viz.data.trace import RoutingTrace
from moe_viz.profiles.corpus_run import CorpusRun
from moe_viz.profiles.profile_counts import FIRST, LATER, SQUARE_UNIT, UNIT, capacity_of
from moe_viz.profiles.routed_batch import UNKNOWN, RoutedBatch, RoutedWindow, document_key
from moe_viz.profiles.token_table import CELL, Counts, TokenTable, counted

GROUP_SHARE = 8
"""A cell of the table by group keeps this many times fewer tokens than the others."""


def counts_of_windows(windows: Sequence[RoutedWindow], sites: tuple[RouterSite, ...], run: CorpusRun) -> dict[str, Any]:
    """The fields of the profile of these windows, described by `run`, without the tokens' names."""
    batch = RoutedBatch(windows, sites)
    by_rank = batch.by_choice(None)
    gates = batch.by_choice(np.rint(batch.gate_weights / UNIT)).sum(axis=1)
    tokens = np.bincount(batch.block, minlength=len(batch.blocks))
    probabilities, scored, squares = _scores(batch)
    neighbours, repeats = _repeats(batch)
    ids = batch.expert_ids
    better, worse = np.triu_indices(ids.shape[2], 1)
    tables, group_table, occurrences = _by_token(batch)
    return {
        "sites": sites,
        "groups": batch.groups,
        "runs": (run,),
        "token_texts": {},
        "tokens": batch.by_group(tokens),
        "selections": np.ascontiguousarray(batch.by_group(by_rank).swapaxes(1, 2)),
        "gate_units": batch.by_group(gates),
        "probability_units": batch.by_group(probabilities),
        "scored_tokens": batch.by_group(scored),
        "square_units": batch.by_group(squares),
        "neighbours": batch.by_group(neighbours),
        "repeats": batch.by_group(repeats),
        "pairs": batch.crossed(ids[:, :, better], ids[:, :, worse]),
        "adjacent_pairs": batch.crossed(ids[:, :, :-1], ids[:, :, 1:]),
        "transitions": batch.crossed(ids[:-1, :, :, None], ids[1:, :, None, :]),
        "block_group": batch.block_group,
        "block_key": np.array([key for _group, key in batch.blocks], dtype=np.uint64),
        "block_documents": batch.documents,
        "block_tokens": tokens,
        "block_selections": by_rank.sum(axis=1).astype(np.int32),
        "block_first": by_rank[:, 0].astype(np.int32),
        "pooled": np.zeros(len(batch.groups), dtype=np.bool_),
        "occurrences": occurrences,
        "token_tables": tables,
        "group_table": group_table,
    }


def counts_of_trace(domain: str, trace: RoutingTrace) -> dict[str, Any]:
    """The fields of the profile of a trace, as one document of a domain."""
    texts = dict(zip(trace.token_ids.tolist(), trace.token_names, strict=True))
    if trace.next_tokens is not None:
        guesses = zip(trace.next_tokens.token_ids[:, 0].tolist(), trace.next_tokens.texts, strict=True)
        texts = {token: row[0] for token, row in guesses} | texts
    window = RoutedWindow(domain, document_key(trace.token_ids.tobytes()), True, Routing.of(trace))
    return {**counts_of_windows([window], trace.sites, _run_of(trace)), "token_texts": texts}


def counts_of_choices(trace: RoutingTrace) -> dict[str, Any]:
    """The fields of the profile of a trace's choices and gating weights alone: its logits and tokens stay unknown."""
    unknown = np.full(len(trace), UNKNOWN, dtype=np.int32)
    routing = Routing(unknown, trace.generated, trace.expert_ids, trace.gate_weights, None)
    return counts_of_windows([RoutedWindow("text", 0, True, routing)], trace.sites, _run_of(trace))


def _run_of(trace: RoutingTrace) -> CorpusRun:
    return CorpusRun(trace.provenance, "traces", None, None, 1, 0, len(trace), digest="", complete=True)


def _scores(batch: RoutedBatch) -> tuple[Counts, Counts, Counts]:
    """Router probabilities `[block site expert]`, tokens that have them and squared logsumexp, both `[block site]`."""
    begins = np.flatnonzero(np.diff(batch.block, prepend=-1))  # of each stretch of one block
    sums = np.zeros((len(batch.blocks), len(batch.sites), batch.experts))
    known = np.zeros((len(batch.sites), len(batch.window)), dtype=np.bool_)
    squares = np.zeros(known.shape)
    for index, site in enumerate(batch.sites):
        there = ~np.isnan(batch.logits[index, :, 0])
        if not there.any():
            continue
        logits = batch.logits[index, :, : site.num_experts]
        if not there.all():
            logits = np.where(there[:, None], logits, 0)
        scores = router_scores(logits, site.scoring)
        if scores is None or site.scoring is None:
            continue
        known[index] = there
        if site.scoring.function == "softmax":
            logsumexp = logits.max(axis=-1) - np.log(scores.max(axis=-1))  # the softmax has taken all exponentials
        else:
            logsumexp = np.logaddexp.reduce(logits, axis=-1)
            scores /= scores.sum(axis=-1, keepdims=True)
        scores[~there] = logsumexp[~there] = 0
        scores /= UNIT
        np.rint(scores, out=scores)
        np.add.at(sums[:, index, : site.num_experts], batch.block[begins], np.add.reduceat(scores, begins, axis=0))
        squares[index] = np.rint(logsumexp**2 / SQUARE_UNIT)
    return sums.astype(np.int64), batch.by_block(known.astype(np.float64)), batch.by_block(squares)


def _repeats(batch: RoutedBatch) -> tuple[Counts, Counts]:
    """Pairs of neighbouring tokens of one window `[block site]`, and those that share an expert `[block site 2]`."""
    ids = np.ascontiguousarray(np.moveaxis(batch.expert_ids, -1, 0), dtype=np.int32)  # [rank site token]
    here, before = ids[..., 1:], ids[..., :-1]
    real = ids != batch.experts
    together = (batch.window[1:] == batch.window[:-1]) & real[0, :, 1:] & real[0, :, :-1]
    shared = np.zeros(together.shape, dtype=np.bool_)
    for mine, there in zip(here, real[..., 1:], strict=True):
        for other in before:
            shared |= (mine == other) & there
    first = here[0] == before[0]

    def by_block(pairs: np.ndarray) -> Counts:
        return batch.by_block(np.pad(pairs & together, ((0, 0), (1, 0))).astype(np.float64))

    repeats = np.empty((len(batch.blocks), len(batch.sites), 2), dtype=np.int64)
    repeats[..., LATER], repeats[..., FIRST] = by_block(shared), by_block(first)
    return by_block(np.ones_like(together)), repeats


def _by_token(batch: RoutedBatch) -> tuple[tuple[TokenTable, ...], TokenTable, Counts]:
    """A table per view, the table by group, and how often each token occurs in each view."""
    sites, experts, capacity = len(batch.sites), batch.experts, capacity_of(batch.sites)
    following = np.append(np.where(np.diff(batch.window) == 0, batch.token_ids[1:], -1), -1)
    views = (batch.token_ids, batch.predicted, following)
    most = 1 + max(int(view.max()) for view in views)
    ids = batch.expert_ids
    some = ids < experts
    rank = np.where(np.arange(ids.shape[2]) == 0, FIRST, LATER) * sites
    cell = (rank + np.arange(sites)[:, None, None]) * experts + ids
    tables = []
    for view in views:
        known = some & (view >= 0)[:, None]
        tables.append(counted((cell * CELL + view[:, None])[known], 2 * sites * experts, capacity))
    group = batch.block_group[batch.block] * sites
    in_group = (group + np.arange(sites)[:, None]) * experts + ids[..., 0]
    group_table = counted(
        (in_group * CELL + batch.token_ids)[some[..., 0] & (batch.token_ids >= 0)],
        len(batch.groups) * sites * experts,
        capacity // GROUP_SHARE,
    )
    occurrences = np.stack([np.bincount(view[view >= 0], minlength=most) for view in views])
    return tuple(tables), group_table, occurrences
