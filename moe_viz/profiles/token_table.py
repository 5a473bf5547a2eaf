"""Which tokens each expert takes, counted exactly while they are few and with a known error beyond.

A cell stands for an expert (and whatever else is told apart). Each keeps at most `capacity`
tokens: where more have been seen, the count of the largest one that must go is taken off all of
the cell's counts, and what is then not above 0 is dropped (Misra and Gries, 1982; merged as in
Agarwal et al., Mergeable Summaries, 2012, section 3). What was taken off is remembered: a true
count lies between the kept one and that plus `missed`, which is at most the cell's total
divided by capacity + 1. A cell with `missed` 0 is exact, in whatever order it was merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moe_viz.errors import ProfileError

Counts = NDArray[np.int64]

_BITS = 32
CELL = 2**_BITS
"""An entry's key is cell × CELL + token id, so that entries are sorted by cell, then by token."""


@dataclass(frozen=True, eq=False)
class TokenTable:
    """How often each token occurred in each cell."""

    keys: Counts
    """`[entry]`, rising: cell × CELL + token id."""
    counts: Counts
    """`[entry]`, each above 0."""
    missed: Counts
    """`[cell]`: by how much a count of this cell, kept or not, may be too small."""
    capacity: int
    """The most tokens that a cell keeps."""

    def __post_init__(self) -> None:
        for array in (self.keys, self.counts, self.missed):
            array.setflags(write=False)
        if self.keys.shape != self.counts.shape or self.keys.ndim != 1 or self.missed.ndim != 1:
            raise ProfileError("a token table needs one count for each key, and one error for each cell")
        if self.capacity < 1 or (self.counts < 1).any() or (self.missed < 0).any():
            raise ProfileError("a token table's capacity and counts must be at least 1, its errors at least 0")
        ends = self.keys[[0, -1]] if len(self.keys) else np.array([0, -1])
        if ends[0] < 0 or ends[1] >= len(self.missed) * CELL or (self.keys[1:] <= self.keys[:-1]).any():
            raise ProfileError(f"a token table's keys must rise, within its {len(self.missed)} cells")
        if (self.sizes > self.capacity).any():
            raise ProfileError(f"a token table has a cell with more than its capacity of {self.capacity} tokens")

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TokenTable)
            and self.capacity == other.capacity
            and np.array_equal(self.keys, other.keys)
            and np.array_equal(self.counts, other.counts)
            and np.array_equal(self.missed, other.missed)
        )

    @property
    def sizes(self) -> Counts:
        """How many tokens each cell keeps, `[cell]`."""
        return np.diff(np.searchsorted(self.keys, np.arange(len(self.missed) + 1) * CELL))

    @property
    def largest_token(self) -> int:
        """The largest token id that any cell keeps; -1 if none keeps one."""
        last = np.cumsum(self.sizes)[self.sizes > 0] - 1
        return int((self.keys[last] & (CELL - 1)).max(initial=-1))

    @property
    def cells(self) -> Counts:
        """Each entry's cell, `[entry]`."""
        return self.keys >> _BITS

    @property
    def tokens(self) -> Counts:
        """Each entry's token id, `[entry]`."""
        return self.keys & (CELL - 1)

    def of_cell(self, cell: int) -> tuple[Counts, Counts]:
        """The token ids of one cell and their counts, in the order of the ids."""
        start, end = np.searchsorted(self.keys, [cell * CELL, (cell + 1) * CELL])
        return self.keys[start:end] & (CELL - 1), self.counts[start:end]

    def moved(self, cells: Counts, total: int) -> TokenTable:
        """The same with each cell renumbered by `cells [cell]`, rising, among `total` cells."""
        missed = np.zeros(total, dtype=np.int64)
        missed[cells] = self.missed
        return TokenTable(cells[self.cells] * CELL + self.tokens, self.counts, missed, self.capacity)


def counted(keys: Counts, cells: int, capacity: int) -> TokenTable:
    """The table of single occurrences, as `keys` in any order."""
    return _table(*_added_up(keys, None), np.zeros(cells, dtype=np.int64), capacity)


def merged(tables: Sequence[TokenTable]) -> TokenTable:
    """The table of all that was counted in several with the same cells and capacity."""
    keys = np.concatenate([table.keys for table in tables])
    counts = np.concatenate([table.counts for table in tables])
    missed = np.sum([table.missed for table in tables], axis=0)
    return _table(*_added_up(keys, counts), missed, tables[0].capacity)


def _table(keys: Counts, counts: Counts, missed: Counts, capacity: int) -> TokenTable:
    """Cut every cell down to `capacity` tokens."""
    cells = keys >> _BITS
    sizes = np.bincount(cells, minlength=len(missed))
    full = np.flatnonzero(sizes > capacity)
    if not len(full):
        return TokenTable(keys, counts, missed, capacity)
    starts = np.cumsum(sizes) - sizes
    taken_off = np.zeros_like(missed)
    for cell in full:
        of_cell = counts[starts[cell] : starts[cell] + sizes[cell]]
        taken_off[cell] = np.partition(of_cell, -capacity - 1)[-capacity - 1]
    left = counts - taken_off[cells]
    return TokenTable(keys[left > 0], left[left > 0], missed + taken_off, capacity)


def _added_up(keys: Counts, counts: Counts | None) -> tuple[Counts, Counts]:
    """The distinct keys, rising, and the sum of each one's counts (by default 1 each)."""
    if not len(keys):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    if counts is None:
        keys = np.sort(keys)
    else:
        order = np.argsort(keys, kind="stable")  # quick where stretches are in order, as those of tables are
        keys, counts = keys[order], counts[order]
    begins = np.ones(len(keys), dtype=np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=begins[1:])
    first = np.flatnonzero(begins)
    sums = np.diff(first, append=len(keys)) if counts is None else np.add.reduceat(counts, first)
    return keys[first], sums
