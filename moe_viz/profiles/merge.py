"""Adding profiles up: in whatever order, the same, but for tokens beyond a table's capacity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.trace import Provenance
from moe_viz.errors import ProfileError
from moe_viz.profiles.expert_profile import ExpertProfile, Group, Run, blocks_of
from moe_viz.profiles.token_table import Counts, TokenTable
from moe_viz.profiles.token_table import merged as merged_tables

_BY_GROUP = (
    "tokens",
    "selections",
    "gate_units",
    "probability_units",
    "scored_tokens",
    "square_units",
    "neighbours",
    "repeats",
)
_WHOLE = ("pairs", "adjacent_pairs", "transitions")
_BY_BLOCK = ("block_documents", "block_tokens", "block_selections", "block_first")


def merged(profiles: Sequence[ExpertProfile], runs: tuple[Run, ...] | None = None) -> ExpertProfile:
    """The profile of all the text of several profiles together; `runs`, where they are parts of these.

    Raises ProfileError if they are not of the same model and routers.
    """
    _check_same_model(profiles)
    sites = profiles[0].sites
    groups = tuple(sorted({group for profile in profiles for group in profile.groups}))
    rows = [np.array([groups.index(group) for group in profile.groups]) for profile in profiles]
    cells = len(sites) * profiles[0].experts
    by_group: dict[str, Any] = {
        name: _sum_rows([getattr(p, name) for p in profiles], rows, len(groups)) for name in _BY_GROUP
    }
    return ExpertProfile(
        sites=sites,
        groups=groups,
        runs=runs or tuple(sorted((run for profile in profiles for run in profile.runs), key=repr)),
        token_texts=_token_texts(profiles),
        **by_group,
        **{name: np.sum([getattr(profile, name) for profile in profiles], axis=0) for name in _WHOLE},
        **_blocks(profiles, rows, groups),
        occurrences=_sum_padded([profile.occurrences for profile in profiles]),
        token_tables=tuple(
            merged_tables(views) for views in zip(*(profile.token_tables for profile in profiles), strict=True)
        ),
        group_table=merged_tables(
            [
                _moved(profile.group_table, of_profile, cells, len(groups))
                for profile, of_profile in zip(profiles, rows, strict=True)
            ]
        ),
    )


def _token_texts(profiles: Sequence[ExpertProfile]) -> dict[int, str]:
    """What tokens are called; where profiles differ, the first in the alphabet, so that their order is the same."""
    texts: dict[int, str] = {}
    for profile in profiles:
        for token, text in profile.token_texts.items():
            texts[token] = min(text, texts.get(token, text))
    return dict(sorted(texts.items()))


def _moved(table: TokenTable, rows: NDArray[np.intp], cells: int, groups: int) -> TokenTable:
    return table.moved((rows[:, None] * cells + np.arange(cells)).ravel(), groups * cells)


def _sum_rows(arrays: Sequence[NDArray[Any]], rows: Sequence[NDArray[np.intp]], total: int) -> Counts:
    """Add up arrays whose first axis is `rows` of a common one."""
    sums = np.zeros((total, *arrays[0].shape[1:]), dtype=np.int64)
    for array, of_array in zip(arrays, rows, strict=True):
        sums[of_array] += array
    return sums


def _sum_padded(arrays: Sequence[Counts]) -> Counts:
    """Add up arrays `[view token]` that reach up to different tokens."""
    sums = np.zeros((len(arrays[0]), max(array.shape[1] for array in arrays)), dtype=np.int64)
    for array in arrays:
        sums[:, : array.shape[1]] += array
    return sums


def _blocks(
    profiles: Sequence[ExpertProfile], rows: Sequence[NDArray[np.intp]], groups: tuple[Group, ...]
) -> dict[str, NDArray[Any]]:
    """The blocks of all profiles: one a document, or pooled by the hash where a group has too many."""
    most = blocks_of(profiles[0].sites)
    group = np.concatenate([row[profile.block_group] for profile, row in zip(profiles, rows, strict=True)])
    key = np.concatenate([profile.block_key for profile in profiles])
    pooled = np.zeros(len(groups), dtype=np.bool_)
    for profile, row in zip(profiles, rows, strict=True):
        pooled[row] |= profile.pooled
    pooled |= np.bincount(_distinct(group, key)[0][:, 0].astype(np.int64), minlength=len(groups)) > most
    key = np.where(pooled[group], key % np.uint64(most), key)
    blocks, block = _distinct(group, key)
    sums = {
        name: np.zeros((len(blocks), *array.shape[1:]), dtype=array.dtype)
        for name, array in ((name, getattr(profiles[0], name)) for name in _BY_BLOCK)
    }
    ends = np.cumsum([len(profile.block_key) for profile in profiles])[:-1]
    for profile, of_profile in zip(profiles, np.split(block, ends), strict=True):
        for name, total in sums.items():
            np.add.at(total, of_profile, getattr(profile, name))
    return {"block_group": blocks[:, 0].astype(np.int32), "block_key": blocks[:, 1].copy(), "pooled": pooled, **sums}


def _distinct(group: NDArray[np.integer], key: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """The distinct (group, key), sorted, and which of them each pair is."""
    found, inverse = np.unique(np.stack([group.astype(np.uint64), key], axis=1), axis=0, return_inverse=True)
    return found, inverse.ravel()


def _check_same_model(profiles: Iterable[ExpertProfile]) -> None:
    """Raise ProfileError unless all are of the same weights, number format, intervention and routers."""
    first, *others = profiles
    for other in others:
        a, b = (model_identity(profile.runs[0].provenance) for profile in (first, other))
        for name, value in a.items():
            if b[name] != value:
                raise ProfileError(
                    f"these profiles differ in {name}: {value!r} and {b[name]!r}; only profiles of one model merge"
                )
        if first.sites != other.sites:
            raise ProfileError("the profiles have different routers; only profiles of one model merge")


def model_identity(provenance: Provenance) -> dict[str, str | None]:
    """What makes two provenances those of one model: its weights by their digest, or else by name."""
    return {
        "revision": provenance.revision,
        "model": provenance.model if provenance.revision is None else None,
        "family": provenance.family,
        "dtype": provenance.dtype,
        "intervention": provenance.intervention,
    }
