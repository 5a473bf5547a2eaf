"""Scores, margins and entropies against plain loops, hand-worked cases and laws."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from moe_viz.data.router_site import Scoring
from moe_viz.data.scores import (
    entropy,
    gating_weights_from_scores,
    margin,
    router_entropy,
    router_scores,
    selection_scores,
    site_scores,
)
from tests.invented import make_trace

SOFTMAX = Scoring("softmax", normalized=False)
BIASED = Scoring("sigmoid", normalized=True, scale=2.5, selection_bias=(0.5, 0, -0.5, 0, 0.3, 0, -0.2, 0))
GROUPED = dataclasses.replace(BIASED, groups=4, groups_kept=2)
RULES = [
    SOFTMAX,
    dataclasses.replace(SOFTMAX, normalized=True),
    Scoring("softmax", normalized=False, scale=16.0),
    Scoring("sigmoid", normalized=False),
    BIASED,
    GROUPED,
]

logit_rows = hnp.arrays(
    np.float32, st.tuples(st.integers(1, 4), st.integers(2, 9)), elements=st.floats(-60, 60, width=32)
)


def plain_scores(row, function):
    if function == "sigmoid":
        return [1 / (1 + math.exp(-x)) for x in row]
    total = sum(math.exp(x - max(row)) for x in row)
    return [math.exp(x - max(row)) / total for x in row]


@given(logit_rows, st.sampled_from(["softmax", "sigmoid"]))
def test_scores_match_a_plain_loop(logits, function):
    scores = router_scores(logits, Scoring(function, normalized=False))
    for row, given_row in zip(scores, logits, strict=True):
        assert row.tolist() == pytest.approx(plain_scores(given_row.tolist(), function), rel=1e-9, abs=1e-300)


@given(logit_rows)
def test_softmax_sums_to_one_and_padding_changes_nothing(logits):
    scores = router_scores(logits, SOFTMAX)
    padded = router_scores(np.pad(logits, ((0, 0), (0, 3)), constant_values=np.nan), SOFTMAX)
    assert scores.sum(axis=-1) == pytest.approx(1)
    np.testing.assert_allclose(padded[:, : logits.shape[1]], scores, rtol=1e-12)
    assert np.isnan(padded[:, logits.shape[1] :]).all()


def test_scores_of_logits_that_overflow_and_of_none():
    big = np.array([[1e4, 0.0, -1e4]], dtype=np.float32)
    np.testing.assert_array_equal(router_scores(big, SOFTMAX), [[1, 0, 0]])
    np.testing.assert_allclose(router_scores(big, Scoring("sigmoid", normalized=False)), [[1, 0.5, 0]], rtol=1e-15)
    assert np.isnan(router_scores(np.full((1, 3), np.nan), SOFTMAX)).all()
    banned = np.array([0.0, -np.inf, 0.0])
    np.testing.assert_array_equal(router_scores(banned, SOFTMAX), [0.5, 0, 0.5])


def test_unknown_scoring_gives_no_scores():
    assert router_scores(np.zeros((2, 3)), None) is None
    assert site_scores(make_trace(scoring=None), 0) is None
    assert site_scores(make_trace(logits=False), 0) is None


def test_selection_scores_add_the_bias_once_and_pad_it():
    scores = np.array([[0.1, 0.2, np.nan]])
    rule = Scoring("sigmoid", normalized=True, selection_bias=(1.0, -1.0))
    np.testing.assert_array_equal(selection_scores(scores, rule), [[1.1, -0.8, np.nan]])
    np.testing.assert_array_equal(selection_scores(scores, SOFTMAX), scores)


def test_a_bias_on_logits_is_added_to_them():
    logits = np.array([[-3.0, 0.0, 7.5]])
    rule = Scoring("sigmoid", normalized=True, selection_bias=(1.0, -1.0, 0.5), bias_on_logits=True)
    np.testing.assert_allclose(selection_scores(router_scores(logits, rule), rule), [[-2.0, -1.0, 8.0]])
    np.testing.assert_array_equal(selection_scores(np.array([[0.0, 1.0, 0.5]]), rule), [[-np.inf, np.inf, 0.5]])


def test_the_root_of_the_softplus_by_hand():
    rule = Scoring("sqrtsoftplus", normalized=False)
    np.testing.assert_allclose(router_scores(np.array([0.0, 1e4, -1e4]), rule), [math.log(2) ** 0.5, 100.0, 0.0])


def test_an_experts_own_factor_comes_after_the_sum():
    rule = Scoring("softmax", normalized=True, scale=2.0, expert_scale=(1.0, 10.0, 100.0))
    weights = gating_weights_from_scores(np.array([[0.5, 0.25, 0.25]]), np.array([[0, 2]], dtype=np.int16), rule)
    np.testing.assert_allclose(weights, [[4 / 3, 200 / 3]])


def test_a_choice_by_the_tokens_id_has_no_margin():
    rule = dataclasses.replace(SOFTMAX, by_token=True)
    assert np.isnan(margin(make_trace(scoring=rule))).all()


@pytest.mark.parametrize("rule", RULES)
def test_weights_from_scores_match_the_weights_a_plain_loop_gives(rule):
    trace = make_trace(scoring=rule, tokens=20, top_k=3)
    for site in range(3):
        weights = gating_weights_from_scores(site_scores(trace, site), trace.expert_ids[site], rule)
        for t in range(20):
            scores = plain_scores(trace.router_logits[site, t].tolist(), rule.function)
            chosen = [scores[e] for e in trace.expert_ids[site, t]]
            divisor = sum(chosen) if rule.normalized else 1
            expected = [rule.scale * s / divisor for s in chosen]
            assert weights[t].tolist() == pytest.approx(expected, rel=1e-12)
            assert trace.gate_weights[site, t].tolist() == pytest.approx(expected, rel=1e-5)


def test_an_empty_slot_weighs_nothing_and_takes_no_part_in_the_sum():
    scores = np.array([[0.5, 0.25, 0.25], [0.2, 0.3, 0.5]])
    ids = np.array([[0, -1], [-1, -1]], dtype=np.int16)
    rule = Scoring("softmax", normalized=True, scale=2.0)
    np.testing.assert_array_equal(gating_weights_from_scores(scores, ids, rule), [[2, 0], [0, 0]])


def test_entropy_by_hand():
    shares = np.array([[1, 1, 1, 1], [0, 3, 0, 0], [0.5, 0.5, np.nan, 0], [0, 0, 0, 0], [np.nan] * 4])
    expected = [math.log(4), 0, math.log(2), np.nan, np.nan]
    np.testing.assert_allclose(entropy(shares), expected, atol=1e-15)
    assert not np.signbit(entropy(shares)[1])


@given(logit_rows, st.sampled_from(["softmax", "sigmoid"]))
def test_router_entropy_lies_between_zero_and_the_log_of_the_experts(logits, function):
    nats = entropy(router_scores(logits, Scoring(function, normalized=False)))
    assert (nats >= 0).all()
    assert (nats <= math.log(logits.shape[1]) + 1e-12).all()


def test_router_entropy_per_site_is_unknown_only_where_the_scoring_is():
    trace = make_trace(experts=[4, 8], top_k=2, scoring=[SOFTMAX, None])
    nats = router_entropy(trace)
    p = plain_scores(trace.router_logits[0, 3, :4].tolist(), "softmax")
    assert nats[0, 3] == pytest.approx(-sum(x * math.log(x) for x in p))
    assert np.isnan(nats[1]).all()
    assert np.isnan(router_entropy(make_trace(logits=False))).all()


def plain_margin(trace, site, t):
    rule, row = trace.sites[site].scoring, trace.router_logits[site, t]
    scores = plain_scores(row[: trace.sites[site].num_experts].tolist(), rule.function)
    wanted = [s + (rule.selection_bias[e] if rule.selection_bias else 0) for e, s in enumerate(scores)]
    chosen = {int(e) for e in trace.expert_ids[site, t] if e >= 0}
    return min(wanted[e] for e in chosen) - max(w for e, w in enumerate(wanted) if e not in chosen)


@pytest.mark.parametrize("rule", RULES)
def test_margin_matches_a_plain_loop(rule):
    trace = make_trace(scoring=rule, tokens=30, top_k=3)
    expected = [[plain_margin(trace, s, t) for t in range(30)] for s in range(3)]
    np.testing.assert_allclose(margin(trace), expected, rtol=1e-9)


@given(st.integers(0, 500), st.sampled_from([r for r in RULES if r.groups == 1]), st.integers(1, 7))
def test_margin_is_never_negative_for_a_free_top_k_choice(seed, rule, k):
    assert (margin(make_trace(scoring=rule, top_k=k, seed=seed, sites=1)) >= 0).all()


def test_margin_shows_what_a_limit_to_groups_forbade():
    assert (margin(make_trace(scoring=GROUPED, tokens=60, top_k=3)) < 0).any()


def test_margin_is_unknown_without_a_choice_or_without_an_alternative():
    assert np.isnan(margin(make_trace(experts=4, top_k=4))).all()
    assert np.isnan(margin(make_trace(dropped=1.0))).all()
    assert np.isnan(margin(make_trace(scoring=None))).all()
    assert np.isnan(margin(make_trace(logits=False))).all()


def test_margin_ignores_the_padding_of_a_smaller_site():
    trace = make_trace(experts=[4, 8], top_k=[1, 3])
    expected = [[plain_margin(trace, s, t) for t in range(7)] for s in range(2)]
    np.testing.assert_allclose(margin(trace), expected, rtol=1e-9)
