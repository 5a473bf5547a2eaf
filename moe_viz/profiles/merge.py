"""Adding profiles up: the result is the same in any order, except for tokens beyond a table's capacity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.provenance import model_identity
from moe_viz.errors import ProfileError
from moe_viz.profiles.corpus_run import CorpusRun, TokenGroup
from moe_viz.profiles.profile_counts import ProfileCounts, blocks_of
from moe_viz.profiles.schema import Adds, array_fields
from moe_viz.profiles.token_table import Counts, TokenTable
from moe_viz.profiles.token_table import merged as merged_tables

Profile = TypeVar("Profile", bound=ProfileCounts)
_Rows = Sequence[NDArray[np.intp]]
"""For each profile, the row of the merged profile for each of its groups."""


def merged(profiles: Sequence[Profile], runs: tuple[CorpusRun, ...] | None = None) -> Profile:
    """The profile of all the text of several profiles together; `runs` if the profiles are parts of these runs.

    Raises ProfileError if they are not of the same model and routers.
    """
    _check_same_model(profiles)
    groups = tuple(sorted({group for profile in profiles for group in profile.groups}))
    rows = [np.array([groups.index(group) for group in profile.groups]) for profile in profiles]
    sums: dict[str, Any] = _blocks(profiles, rows, groups)
    for name in _named(profiles[0], "by group"):
        sums[name] = _sum_rows([getattr(profile, name) for profile in profiles], rows, len(groups))
    for name in _named(profiles[0], "as it is"):
        sums[name] = np.sum([getattr(profile, name) for profile in profiles], axis=0)
    for name in _named(profiles[0], "to the longest"):
        sums[name] = _sum_padded([getattr(profile, name) for profile in profiles])
    of_groups = zip(profiles, rows, strict=True)
    return replace(
        profiles[0],
        groups=groups,
        runs=runs or tuple(sorted((run for profile in profiles for run in profile.runs), key=repr)),
        token_texts=_token_texts(profiles),
        token_tables=tuple(
            merged_tables(views) for views in zip(*(profile.token_tables for profile in profiles), strict=True)
        ),
        group_table=merged_tables([_moved(profile.group_table, row, len(groups)) for profile, row in of_groups]),
        **sums,
    )


def _named(profile: ProfileCounts, adds: Adds) -> list[str]:
    """The arrays that are added up in this way."""
    return [name for name, field in array_fields(profile).items() if field.adds == adds]


def _token_texts(profiles: Sequence[ProfileCounts]) -> dict[int, str]:
    """The tokens' names; if profiles differ, the alphabetically first, so that the order of profiles is irrelevant."""
    texts: dict[int, str] = {}
    for profile in profiles:
        for token, text in profile.token_texts.items():
            texts[token] = min(text, texts.get(token, text))
    return dict(sorted(texts.items()))


def _moved(table: TokenTable, rows: NDArray[np.intp], groups: int) -> TokenTable:
    """The table by group with each group at its row of `groups`."""
    cells = len(table.missed) // len(rows)
    return table.moved((rows[:, None] * cells + np.arange(cells)).ravel(), groups * cells)


def _sum_rows(arrays: Sequence[NDArray[Any]], rows: _Rows, total: int) -> Counts:
    """Add up arrays; the first axis of each is `rows` of the common first axis."""
    sums = np.zeros((total, *arrays[0].shape[1:]), dtype=np.int64)
    for array, of_array in zip(arrays, rows, strict=True):
        sums[of_array] += array
    return sums


def _sum_padded(arrays: Sequence[Counts]) -> Counts:
    """Add up arrays `[view token]` of different lengths."""
    sums = np.zeros((len(arrays[0]), max(array.shape[1] for array in arrays)), dtype=np.int64)
    for array in arrays:
        sums[:, : array.shape[1]] += array
    return sums


def _blocks(profiles: Sequence[ProfileCounts], rows: _Rows, groups: tuple[TokenGroup, ...]) -> dict[str, NDArray[Any]]:
    """The blocks of all profiles: one per document, or pooled by the hash where a group has too many."""
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
        for name, array in ((name, getattr(profiles[0], name)) for name in _named(profiles[0], "by block"))
    }
    ends = np.cumsum([len(profile.block_key) for profile in profiles])[:-1]
    for profile, of_profile in zip(profiles, np.split(block, ends), strict=True):
        for name, total in sums.items():
            np.add.at(total, of_profile, getattr(profile, name))
    return {"block_group": blocks[:, 0].astype(np.int32), "block_key": blocks[:, 1].copy(), "pooled": pooled, **sums}


def _distinct(group: NDArray[np.integer], key: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    """The distinct pairs (group, key), sorted, and the index among them of each given pair."""
    found, inverse = np.unique(np.stack([group.astype(np.uint64), key], axis=1), axis=0, return_inverse=True)
    return found, inverse.ravel()


def _check_same_model(profiles: Iterable[ProfileCounts]) -> None:
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
