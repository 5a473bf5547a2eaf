"""Orders of experts: permutations all, and planted clusters stand together."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_viz.metrics.coactivation import tokens_of_both
from moe_viz.metrics.ordering import by_coactivation, by_load, coactivation_order
from moe_viz.profiles.expert_profile import ExpertProfile
from tests.invented import make_trace


def planted(clusters: int, size: int, tokens: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tokens that take two experts of one hidden cluster, mostly: both, counts, the cluster of each expert."""
    rng = np.random.default_rng(seed)
    experts = clusters * size
    of = rng.permutation(np.repeat(np.arange(clusters), size))
    both = np.zeros((experts, experts))
    counts = np.zeros(experts)
    for _ in range(tokens):
        among = np.flatnonzero(of == rng.integers(clusters)) if rng.random() < 0.7 else np.arange(experts)
        a, b = rng.choice(among, 2, replace=False)
        both[a, b] += 1
        both[b, a] += 1
        counts[[a, b]] += 1
    return both, counts, of


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("clusters", "size"), [(2, 4), (4, 4), (5, 3)])
def test_a_planted_cluster_stands_together(clusters, size, seed):
    both, counts, of = planted(clusters, size, 3000, seed)
    order = by_coactivation(both, counts, 3000)
    changes = (np.diff(of[order]) != 0).sum()
    assert changes == clusters - 1
    assert (np.diff(of) != 0).sum() > clusters - 1  # as they are numbered they do not


def test_a_chain_of_experts_stands_in_its_own_order():
    """Each expert shares tokens with its two neighbours of a hidden line alone."""
    line = np.random.default_rng(1).permutation(8)
    both = np.zeros((8, 8))
    for a, b in pairwise(line):
        both[a, b] = both[b, a] = 100
    order = by_coactivation(both, both.sum(axis=1), 700).tolist()
    apart = [abs(order.index(a) - order.index(b)) for a, b in pairwise(line)]
    assert np.mean(apart) < 1.6  # 3 if at random


def test_two_clusters_touch_where_they_are_alike():
    both = np.zeros((4, 4))
    for a, b, tokens in ((0, 1, 100), (2, 3, 100), (0, 3, 40)):
        both[a, b] = both[b, a] = tokens
    assert by_coactivation(both, both.sum(axis=1), 400).tolist() == [1, 0, 3, 2]


@given(st.integers(1, 12), st.integers(0, 60), st.integers(0, 10_000))
def test_every_order_is_a_permutation(experts, tokens, seed):
    rng = np.random.default_rng(seed)
    taken = rng.random((tokens, experts)) < rng.random(experts)
    both = taken.T.astype(float) @ taken
    np.fill_diagonal(both, 0)
    counts = taken.sum(axis=0).astype(float)
    assert sorted(by_coactivation(both, counts, max(tokens, 1))) == list(range(experts))
    assert sorted(by_load(counts)) == list(range(experts))


def test_by_load_the_busiest_come_first_and_missing_experts_last():
    counts = np.array([[3.0, 9, 0, 9], [5, 6, np.nan, np.nan]])
    np.testing.assert_array_equal(by_load(counts), [[1, 3, 0, 2], [1, 0, 2, 3]])


def test_experts_without_a_token_come_last_and_one_choice_a_token_leaves_the_numbers():
    both = np.array([[0, 0, 4, 0], [0, 0, 0, 0], [4, 0, 0, 2], [0, 0, 2, 0.0]])
    assert by_coactivation(both, np.array([4.0, 0, 6, 2]), 8)[-1] == 1
    np.testing.assert_array_equal(by_coactivation(np.zeros((4, 4)), np.array([1.0, 9, 3, 0]), 13), range(4))


def test_the_pairs_and_the_order_of_a_text_are_those_of_a_loop_over_its_tokens():
    trace = make_trace(experts=[6, 9], top_k=[2, 3], tokens=80, dropped=0.1)
    profile = ExpertProfile.of_choices(trace)
    order = coactivation_order(profile)
    for site, experts in enumerate((6, 9)):
        both, counts = np.zeros((experts, experts)), np.zeros(experts)
        for token in trace.expert_ids[site].tolist():
            taken = [expert for expert in token if expert >= 0]
            counts[taken] += 1
            for a, b in permutations(taken, 2):
                both[a, b] += 1
        np.testing.assert_array_equal(tokens_of_both(profile, site), both)
        np.testing.assert_array_equal(order[site, :experts], by_coactivation(both, counts, 80))
        assert sorted(order[site, :experts]) == list(range(experts))
    np.testing.assert_array_equal(order[0, 6:], [6, 7, 8])
    assert (order[1] != np.arange(9)).any()
