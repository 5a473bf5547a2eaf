"""Profiles on disk: see `moe_viz.data.container`. Every array is kept in the smallest whole numbers that hold it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from moe_viz.data.container import Arrays, FileKind
from moe_viz.data.router_site import site_from
from moe_viz.errors import ProfileError, ProfileFileError
from moe_viz.profiles.corpus_run import TokenGroup, corpus_run_from
from moe_viz.profiles.profile_counts import VIEWS, ProfileCounts
from moe_viz.profiles.schema import array_fields
from moe_viz.profiles.token_table import CELL, TokenTable

MAX_BYTES = 2**29
"""The largest profile that is read, compressed or not: in memory it may be eight times larger."""
_FILE = FileKind("profile", ProfileFileError, ProfileError)
_TABLES = (*VIEWS, "group")
Profile = TypeVar("Profile", bound=ProfileCounts)


def write(profile: ProfileCounts) -> bytes:
    """The file's content for `profile`."""
    tables = (*profile.token_tables, profile.group_table)
    header = {
        "sites": [asdict(site) for site in profile.sites],
        "groups": [asdict(group) for group in profile.groups],
        "runs": [asdict(run) for run in profile.runs],
        "token_texts": list(profile.token_texts.items()),
        "capacities": [table.capacity for table in tables],
    }
    arrays = {name: _smallest(getattr(profile, name)) for name in array_fields(profile)}
    for name, table in zip(_TABLES, tables, strict=True):
        arrays |= {f"{name}.{part}": _smallest(array) for part, array in _parts(table)}
    return _FILE.write(header, arrays)


def read(kind: type[Profile], content: bytes, limit: int | None = None) -> Profile:
    """The profile, of this `kind`, in a file's content. Raises ProfileFileError, which says what is wrong with it.

    One that decompresses to more than `limit` bytes, by default `MAX_BYTES`, is not read.
    """
    return _FILE.read(content, partial(_profile, kind), MAX_BYTES if limit is None else limit)


def read_path(kind: type[Profile], path: Path) -> Profile:
    """The profile in the file at `path`. Raises ProfileFileError also where there is no such file."""
    return _FILE.read_path(path, partial(_profile, kind), MAX_BYTES)


def _smallest(array: np.ndarray) -> np.ndarray:
    if array.dtype == np.bool_ or not array.size:
        return array
    return array.astype(np.promote_types(np.min_scalar_type(array.min()), np.min_scalar_type(array.max())))


def _parts(table: TokenTable) -> Iterator[tuple[str, np.ndarray]]:
    """How many tokens each cell has, and by how much each token id is larger than the one before it."""
    sizes = table.sizes
    steps = np.diff(table.tokens, prepend=0)
    starts = (np.cumsum(sizes) - sizes)[sizes > 0]
    steps[starts] = table.tokens[starts]
    yield from (("sizes", sizes), ("steps", steps), ("counts", table.counts), ("missed", table.missed))


def _table(arrays: Arrays, name: str, capacity: int) -> TokenTable:
    sizes, steps, counts, missed = (
        _as(arrays.pop(f"{name}.{part}"), np.int64) for part in ("sizes", "steps", "counts", "missed")
    )
    if (sizes < 0).any() or sizes.sum() != len(steps):
        raise ProfileError(f"{name}: {sizes.sum()} tokens by cell, but {len(steps)} in all")
    cells = np.flatnonzero(sizes)
    starts = (np.cumsum(sizes) - sizes)[cells]
    first, last = steps[starts], np.add.reduceat(steps, starts)
    smallest, largest = first.min(initial=0), last.max(initial=0)
    if not 0 <= smallest <= largest < CELL:  # those between rise, or the table says that they do not
        raise ProfileError(f"{name}: token ids from {smallest} to {largest}")
    steps[starts] += np.diff(cells * CELL, prepend=0) - np.append(0, last)[:-1]  # from the last of the cell before
    return TokenTable(np.cumsum(steps, out=steps), counts, missed, capacity)


def _profile(kind: type[Profile], header: dict[str, Any], arrays: Arrays) -> Profile:
    tables = [_table(arrays, name, int(capacity)) for name, capacity in zip(_TABLES, header["capacities"], strict=True)]
    types = {name: field.dtype for name, field in array_fields(kind).items()}
    # Half a surrogate pair is no character, and no table takes it; JSON can hold one, so it becomes a question mark.
    header = json.loads(json.dumps(header, ensure_ascii=False).encode("utf-8", "replace"))
    return kind(
        sites=tuple(site_from(site) for site in header["sites"]),
        groups=tuple(TokenGroup(str(group["domain"]), bool(group["generated"])) for group in header["groups"]),
        runs=tuple(corpus_run_from(run) for run in header["runs"]),
        token_texts={int(token): str(text) for token, text in header["token_texts"]},
        token_tables=tuple(tables[:-1]),
        group_table=tables[-1],
        **{name: _as(array, types[name]) for name, array in arrays.items()},
    )


def _as(array: np.ndarray, dtype: type[np.generic]) -> Any:
    """The array in another type of whole numbers, if it fits."""
    converted = array.astype(dtype)
    if array.dtype.kind not in "biu" or not (np.can_cast(array.dtype, dtype) or np.array_equal(converted, array)):
        raise ProfileError(f"an array of {array.dtype} that does not fit {np.dtype(dtype)}")
    return converted
