"""The token table: exact while it holds all, and within its stated error beyond."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_viz import ProfileError
from moe_viz.profiles.token_table import CELL, TokenTable, counted, merged

pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), max_size=60)


def table_of(met: list[tuple[int, int]], capacity: int) -> TokenTable:
    return counted(np.array([cell * CELL + token for cell, token in met], dtype=np.int64), 4, capacity)


@given(st.lists(pairs, min_size=1, max_size=5), st.integers(1, 40))
def test_a_true_count_lies_between_the_kept_one_and_that_plus_missed(parts, capacity):
    table = merged([table_of(part, capacity) for part in parts])
    together = [pair for part in parts for pair in part]
    for cell in range(4):
        tokens, counts = table.of_cell(cell)
        kept = dict(zip(tokens.tolist(), counts.tolist(), strict=True))
        total = sum(c == cell for c, _ in together)
        assert len(kept) <= capacity
        assert table.missed[cell] * (capacity + 1) <= total
        for token in range(31):
            true = together.count((cell, token))
            assert kept.get(token, 0) <= true <= kept.get(token, 0) + table.missed[cell]


@given(st.lists(pairs, min_size=2, max_size=5))
def test_what_fits_is_exact_in_any_order(parts):
    tables = [table_of(part, 31) for part in parts]
    whole = table_of([pair for part in parts for pair in part], 31)
    assert merged(tables) == merged(tables[::-1]) == merged([merged(tables[:1]), merged(tables[1:])]) == whole
    assert not whole.missed.any()


def test_cells_can_be_renumbered():
    moved = table_of([(0, 5), (2, 7), (2, 7)], 9).moved(np.array([1, 2, 4, 5]), 6)
    assert [part.tolist() for part in moved.of_cell(4)] == [[7], [2]]
    assert [part.tolist() for part in moved.of_cell(1)] == [[5], [1]]
    assert len(moved.missed) == 6


@pytest.mark.parametrize(
    ("keys", "counts", "missed", "message"),
    [
        ([3, 3], [1, 1], [0], "must rise"),
        ([CELL], [1], [0], "within its 1 cells"),
        ([-1], [1], [0], "must rise, within"),
        ([1], [0], [0], "at least 1"),
        ([1], [1], [-1], "at least 0"),
        ([1, 2], [1], [0], "one count for each key"),
        ([1, 2, 3], [1, 1, 1], [0], "capacity of 2"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(keys, counts, missed, message):
    with pytest.raises(ProfileError, match=message):
        TokenTable(*(np.array(values, dtype=np.int64) for values in (keys, counts, missed)), capacity=2)
