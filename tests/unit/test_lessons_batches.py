"""Lessons about batches: distinct experts and dropped tokens, against brute force."""

from itertools import combinations

import numpy as np
import pytest

from moe_viz.data.arrays import NO_EXPERT
from moe_viz.lessons.batch import SIZES, experts_used, experts_used_if_uniform, weights_read
from moe_viz.lessons.capacity import capacity, expert_choice, lost, without
from moe_viz.lessons.recorded import final, recording
from moe_viz.lessons.sizes import known_sizes
from moe_viz.metrics.load import expert_counts

RNG = np.random.default_rng(0)
IDS = np.stack([[RNG.choice(6, 2, replace=False) for _ in range(9)] for _ in range(3)])


@pytest.mark.parametrize("n", [1, 2, 4, 9])
def test_distinct_experts_are_the_mean_over_every_batch_that_can_be_drawn(n):
    every = [len(np.unique(site[list(chosen)])) for site in IDS for chosen in combinations(range(9), n)]
    assert experts_used(IDS, 6, [n])[0] == pytest.approx(np.mean(every))


def test_a_batch_larger_than_the_text_is_unknown():
    assert np.isnan(experts_used(IDS, 6, [10])[0])


def test_the_formula_is_what_even_choices_use():
    drawn = [len(np.unique([RNG.choice(16, 2, replace=False) for _ in range(8)])) for _ in range(4000)]
    assert experts_used_if_uniform(16, 2, 8) == pytest.approx(np.mean(drawn), rel=0.01)
    assert experts_used_if_uniform(16, 2, 1) == pytest.approx(2)


def test_the_recorded_tokens_are_those_of_the_last_frame():
    lapse, last = recording(), final()
    for text in lapse.watched[:3]:
        trace = lapse.trace(-1, int(text))
        kind = lapse.domains[lapse.text_domain[text]]
        own = last.expert_ids[:, lapse.token_text == text]
        assert np.array_equal(own, trace.expert_ids)
        assert len(last.of(kind)[0]) >= len(trace)
    used = experts_used(lapse.trace(-1, int(lapse.watched[0])).expert_ids, last.experts, [1])
    assert used[0] == pytest.approx(last.top_k)


def test_similar_tokens_wake_fewer_experts_than_mixed_ones():
    last = final()
    mixed = experts_used(last.expert_ids, last.experts, [8])
    assert all(experts_used(last.of(kind), last.experts, [8]) < mixed for kind in last.domains)
    counts = expert_counts(recording().trace(-1, int(recording().watched[0])))
    assert counts.shape == (6, last.experts)


@pytest.mark.parametrize("name", list(known_sizes()))
def test_a_batch_of_one_reads_what_is_active_and_a_large_one_reads_all(name):
    known = known_sizes()[name]
    assert weights_read(known, 1) == pytest.approx(known.active, rel=1e-6)
    assert weights_read(known, 100_000) == pytest.approx(known.total)
    read = [weights_read(known, n) for n in SIZES]
    assert read == sorted(read)
    each = [weight / n for weight, n in zip(read, SIZES, strict=True)]
    assert each == sorted(each, reverse=True)


def test_capacity_by_hand():
    assert capacity(10, 1, 4, 1.0) == 3
    assert capacity(8, 2, 4, 1.25) == 5
    assert capacity(8, 2, 4, 1.0) == 4


def test_first_choices_go_first_and_earlier_tokens_before_later_ones():
    ids = np.array([[0, 1], [0, 1], [1, 0], [2, NO_EXPERT]])
    full = lost(ids, 3, 2)
    assert full.tolist() == [[False, False], [False, True], [False, True], [False, False]]
    assert without(ids, full).tolist() == [False] * 4
    assert without(ids, lost(ids, 3, 1)).tolist() == [False, True, False, False]


@pytest.mark.parametrize("room", [1, 3, 9])
def test_no_expert_has_more_than_its_places_and_none_is_refused_while_there_are_some(room):
    full = lost(IDS[0], 6, room)
    wanted = np.bincount(IDS[0].ravel(), minlength=6)
    kept = np.bincount(IDS[0][~full], minlength=6)
    assert np.array_equal(kept, np.minimum(wanted, room))


def test_experts_that_choose_take_their_best_tokens():
    scores = RNG.random((7, 3))
    taken = expert_choice(scores, 2)
    for expert in range(3):
        assert set(np.flatnonzero(taken[:, expert])) == set(np.argsort(scores[:, expert])[-2:])
    assert expert_choice(scores, 50).all()
