"""The definition of a profile's fields: the axes of each, its type, and how it adds up when profiles merge.

A field of `ProfileCounts` has `array(...)` or `table(...)` as its metadata. Checking, merging, the
file and the documentation all take it from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Adds = Literal["by group", "by block", "as it is", "to the longest", "by a rule of its own"]
"""How arrays add up: rows of the same group, or of the same block, are added; whole arrays are
added; or added after the last axis is extended to that of the longest."""
_KEY = "schema"


@dataclass(frozen=True)
class ArrayField:
    """One array of a profile."""

    axes: tuple[str, ...]
    """`group`, `site`, `rank`, `expert`, `block`, `view`, `token`, `order` (`LATER`, `FIRST`), and
    `site-1`: from a site to the next."""
    adds: Adds
    dtype: type[np.generic]
    signed: bool
    """Whether a value may be below 0: some models have negative gating weights."""

    def shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape that it must have, from the length of each axis."""
        return tuple(sizes[axis] for axis in self.axes)


@dataclass(frozen=True)
class TableField:
    """A token table of a profile, or one per view."""

    axes: tuple[str, ...]
    """The axes of its cells."""

    def cells(self, sizes: Mapping[str, int]) -> int:
        """How many cells it must have, from the length of each axis."""
        return int(np.prod([sizes[axis] for axis in self.axes]))


def array(axes: str, adds: Adds, dtype: type[np.generic] = np.int64, *, signed: bool = False) -> dict[str, Any]:
    """The metadata of a field that is an array with these axes."""
    return {_KEY: ArrayField(tuple(axes.split()), adds, dtype, signed)}


def table(axes: str) -> dict[str, Any]:
    """The metadata of a field that is a token table, or a tuple of them, whose cells have these axes."""
    return {_KEY: TableField(tuple(axes.split()))}


def array_fields(of: DataclassInstance | type[DataclassInstance]) -> dict[str, ArrayField]:
    """The arrays of a profile, by name."""
    found = {one.name: one.metadata.get(_KEY) for one in fields(of)}
    return {name: one for name, one in found.items() if isinstance(one, ArrayField)}


def table_fields(of: DataclassInstance | type[DataclassInstance]) -> dict[str, TableField]:
    """The token tables of a profile, by name."""
    found = {one.name: one.metadata.get(_KEY) for one in fields(of)}
    return {name: one for name, one in found.items() if isinstance(one, TableField)}
