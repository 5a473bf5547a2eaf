"""Metrics of profiles: cases worked by hand, random routing at chance, and planted structure found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from moe_viz import NO_EXPERT, ExpertProfile, RoutingTrace, Scoring
from moe_viz.metrics.coactivation import coactivation, following_experts
from moe_viz.metrics.domains import information_given_token
from moe_viz.metrics.load import gini, largest_difference
from moe_viz.metrics.losses import load_balancing_loss, profile_load_balancing_loss, z_loss
from moe_viz.metrics.repetition import overall_repetition, repetition_by_domain
from moe_viz.metrics.similarity import domain_divergence, load_divergence
from moe_viz.metrics.token_identity_control import profile_information_given_token
from moe_viz.metrics.vocabulary import token_shares, vocabulary_specialization
from tests.invented import make_trace


def routed(
    experts: Sequence[Sequence[Sequence[int]]], tokens: Sequence[int] | None = None, of: int = 4
) -> RoutingTrace:
    """A trace with these `experts [site token rank]`, the gating weights falling with the rank."""
    ids = np.array(experts, dtype=np.int16)
    sites, count, ranks = ids.shape
    plain = make_trace(tokens=count, experts=of, top_k=ranks, sites=sites, logits=False, generated=0)
    weights = np.where(ids == NO_EXPERT, 0, np.arange(ranks, 0, -1) / ranks)
    named = np.arange(count) if tokens is None else np.array(tokens)
    return replace(plain, expert_ids=ids, gate_weights=weights, token_ids=named)


def random_routing(tokens: int, experts: int, top_k: int, seed: int = 0) -> np.ndarray:
    return np.argsort(np.random.default_rng(seed).random((1, tokens, experts)), axis=-1)[..., :top_k]


def test_coactivation_worked_by_hand():
    profile = ExpertProfile.of_traces({"a": [routed([[[0, 1, 2], [0, 2, 3], [3, 0, 1], [0, NO_EXPERT, NO_EXPERT]]])]})
    nan = np.nan
    pairs = [[nan, 2 / 4, 2 / 4, 2 / 4], [1, nan, 1 / 2, 1 / 2], [1, 1 / 2, nan, 1 / 2], [1, 1 / 2, 1 / 2, nan]]
    np.testing.assert_allclose(coactivation(profile)[0], pairs)
    ranks = [[nan, 2 / 4, 1 / 4, 1 / 4], [1, nan, 1 / 2, 0], [1 / 2, 1 / 2, nan, 1 / 2], [1 / 2, 0, 1 / 2, nan]]
    np.testing.assert_allclose(coactivation(profile, adjacent=True)[0], ranks)


def test_coactivation_rows_sum_to_the_other_slots_and_random_pairs_are_at_chance():
    profile = ExpertProfile.of_traces({"a": [routed(random_routing(20_000, 8, 3), of=8)]})
    shares = coactivation(profile)
    np.testing.assert_allclose(np.nansum(shares, axis=-1), 2)
    assert np.nanmax(np.abs(shares - 2 / 7)) < 0.02


def test_following_experts_worked_by_hand():
    first, second = [[0, 1], [0, 2], [3, 1]], [[3, 2], [3, NO_EXPERT], [0, 1]]
    profile = ExpertProfile.of_traces({"a": [routed([first, second])]})
    np.testing.assert_allclose(
        following_experts(profile)[0], [[0, 0, 1 / 2, 1], [1 / 2, 1 / 2, 1 / 2, 1 / 2], [0, 0, 0, 1], [1, 1, 0, 0]]
    )


def test_experts_that_a_site_lacks_are_nan():
    profile = ExpertProfile.of_traces({"a": [make_trace(experts=(4, 6), top_k=(2, 2), tokens=60)]})
    assert np.isnan(coactivation(profile)[0, 4:]).all()
    assert np.isnan(coactivation(profile)[0, :, 4:]).all()
    assert not np.isnan(following_experts(profile)[0, :4]).any()


def test_repetition_worked_by_hand():
    ids = [[[0, 1], [0, 2], [2, 3], [1, NO_EXPERT], [NO_EXPERT, NO_EXPERT], [1, 0]]]
    found = repetition_by_domain(ExpertProfile.of_traces({"a": [routed(ids)], "b": [routed(np.array(ids)[:, :1])]}))
    np.testing.assert_allclose(found.first, [[1 / 3], [np.nan]])
    np.testing.assert_allclose(found.either, [[2 / 3], [np.nan]])
    np.testing.assert_allclose(found.first_chance_at_load, [[(4 + 4 + 1) / 25], [1]])


def test_repetition_of_random_routing_is_at_chance():
    found = repetition_by_domain(ExpertProfile.of_traces({"a": [routed(random_routing(40_000, 8, 2), of=8)]}))
    assert found.either_chance[0] == pytest.approx(0.464, abs=5e-4)  # as Mixtral's table 5 states it
    assert found.first[0, 0] == pytest.approx(found.first_chance[0], abs=0.01)
    assert found.either[0, 0] == pytest.approx(found.either_chance[0], abs=0.01)


def repeated(trace: RoutingTrace, site: int) -> tuple[float, float, float]:
    """Same first choice, any shared expert, and Σ share² of first choices, by a loop over the tokens."""
    ranked = [
        [expert for _weight, expert in sorted(zip(-weights, ids, strict=True)) if expert != NO_EXPERT]
        for weights, ids in zip(trace.gate_weights[site], trace.expert_ids[site], strict=True)
    ]
    pairs = [(before, after) for before, after in pairwise(ranked) if before and after]
    firsts = Counter(own[0] for own in ranked if own)
    return (
        sum(before[0] == after[0] for before, after in pairs) / len(pairs),
        sum(bool(set(before) & set(after)) for before, after in pairs) / len(pairs),
        sum((times / firsts.total()) ** 2 for times in firsts.values()),
    )


def test_repetition_of_a_text_is_that_of_a_loop_and_all_text_is_its_parts_weighed():
    traces = [make_trace(experts=[5, 9], top_k=[2, 3], tokens=t, dropped=0.2, generated=4, seed=t) for t in (60, 25)]
    for trace in traces:
        found = overall_repetition(ExpertProfile.of_traces({"a": [trace]}))
        for site in range(2):
            mine = (found.first[site], found.either[site], found.first_chance_at_load[site])
            assert mine == pytest.approx(repeated(trace, site))
        [first], [either] = repetition_by_domain(ExpertProfile.of_traces({"a": [trace]}))[:2]
        np.testing.assert_allclose([first, either], found[:2])
    both = ExpertProfile.of_traces({"a": traces[:1], "b": traces[1:]})
    pairs = both.neighbours  # [group site]
    weights = np.stack([pairs[[g.domain == d for g in both.groups]].sum(axis=0) for d in "ab"])
    expected = (repetition_by_domain(both).either * weights).sum(axis=0) / weights.sum(axis=0)
    np.testing.assert_allclose(overall_repetition(both).either, expected)


def test_prompt_and_generated_tokens_are_apart():
    trace = replace(routed([[[0], [0], [1], [2], [2]]]), generated=[False, False, False, True, True])
    profile = ExpertProfile.of_traces({"a": [trace]})
    assert repetition_by_domain(profile, generated=False).first[0, 0] == 1 / 2
    assert repetition_by_domain(profile, generated=True).first[0, 0] == 1 / 2
    np.testing.assert_array_equal(profile.counts(generated=True)[0, 0], [0, 0, 2, 0])


def test_a_loss_of_one_is_even_and_one_expert_alone_costs_the_number_of_experts():
    even = np.full(4, 0.25)
    assert load_balancing_loss(np.array([5.0, 5, 5, 5]), even) == pytest.approx(1)
    alone = np.array([1.0, 0, 0, 0])
    assert load_balancing_loss(9 * alone, alone) == pytest.approx(4)
    assert load_balancing_loss(np.array([3.0, 1, np.nan]), np.array([0.6, 0.4, np.nan])) == pytest.approx(2 * 0.55)
    assert np.isnan(load_balancing_loss(np.array([3.0, 1]), np.array([np.nan, np.nan])))


def test_z_loss_is_the_mean_square_of_logsumexp():
    traces = [make_trace(seed=s, tokens=50) for s in range(3)]
    logits = np.concatenate([trace.router_logits for trace in traces], axis=1).astype(float)
    np.testing.assert_allclose(
        z_loss(ExpertProfile.of_traces({"a": traces})), (np.log(np.exp(logits).sum(-1)) ** 2).mean(-1), atol=1e-4
    )
    assert np.isnan(z_loss(ExpertProfile.of_traces({"a": [make_trace(scoring=None)]}))).all()


def test_divergence_of_loads():
    a = np.array([[1.0, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]])
    b = np.array([[0.0, 0, 5, 5], [2, 2, 2, 2], [1, 1, 0, 0], [1, 1, 1, 1]])
    mixed = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))
    expected = [1, 0, mixed - 0.5, np.nan]  # the mixture's entropy less the mean of the two
    np.testing.assert_allclose(load_divergence(a, b), expected, atol=1e-12)
    np.testing.assert_allclose(load_divergence(b, a), expected, atol=1e-12)
    matrix = domain_divergence(np.stack([a, b])[:, :3])
    assert matrix.shape == (3, 2, 2)
    np.testing.assert_allclose(matrix[:, 0, 1], expected[:3], atol=1e-12)
    np.testing.assert_allclose(matrix[:, 0, 0], 0, atol=1e-12)


def test_gini_and_the_largest_difference():
    counts = np.array([[3.0, 3, 3, 3], [12, 0, 0, 0], [1, 2, 3, 6], [0, 0, 0, 0]])
    pairwise = [np.abs(row[:, None] - row).sum() / (2 * 4 * row.sum()) for row in counts[:3]]
    np.testing.assert_allclose(gini(counts), [*pairwise, np.nan])
    np.testing.assert_allclose(gini(counts)[:2], [0, 3 / 4])
    np.testing.assert_allclose(gini(np.array([1.0, 2, np.nan])), gini(np.array([2.0, 1])))
    np.testing.assert_allclose(largest_difference(counts), [0, 3 / 4, 1 / 4, np.nan])


def test_token_shares_worked_by_hand():
    tokens = [7, 7, 7, 7, 9, 9, 3]
    profile = ExpertProfile.of_traces(
        {"a": [routed([[[0, 1], [1, 0], [0, 2], [0, 3], [2, 0], [2, 1], [0, 1]]], tokens)]}
    )
    of = token_shares(profile, minimum=2)
    rows = list(zip(of.expert.tolist(), of.token.tolist(), of.share.tolist(), strict=True))
    assert rows == [(0, 7, 1), (0, 9, 0.5), (1, 7, 0.5), (1, 9, 0.5), (2, 7, 0.25), (2, 9, 1), (3, 7, 0.25)]
    first = token_shares(profile, minimum=2, first=True)
    assert list(zip(first.expert, first.token, first.share, strict=True)) == [(0, 7, 0.75), (1, 7, 0.25), (2, 9, 1)]
    following = token_shares(profile, "next", minimum=2, first=True)
    assert list(zip(following.expert, following.token, following.share, strict=True)) == [
        *((0, 7, 2 / 3), (0, 9, 0.5), (1, 7, 1 / 3), (2, 9, 0.5)),
    ]
    assert not len(token_shares(profile, "predicted").share)
    with pytest.raises(ValueError, match="not in tuple"):
        token_shares(profile, "last")


def test_rare_tokens_do_not_look_special():
    rng = np.random.default_rng(0)
    tokens = rng.permutation(np.concatenate([np.arange(100, 2100), np.repeat(np.arange(50), 40)]))
    profile = ExpertProfile.of_traces({"a": [routed(random_routing(len(tokens), 8, 1), tokens, of=8)]})
    trap = vocabulary_specialization(profile, rng, minimum=1)
    assert trap.value[0] > 0.9  # most tokens were met once
    assert trap.value[0] == pytest.approx(trap.null[0], abs=0.01)  # which chance explains
    fair = vocabulary_specialization(profile, rng)
    assert fair.tokens[0] == 50
    assert fair.value[0] == pytest.approx(fair.null[0], abs=0.02)
    assert fair.value[0] < 0.3


def test_a_router_that_looks_at_the_token_alone_is_fully_specialized():
    tokens = np.random.default_rng(0).integers(0, 40, 4000)
    profile = ExpertProfile.of_traces({"a": [routed((tokens % 8)[None, :, None], tokens, of=8)]})
    found = vocabulary_specialization(profile, np.random.default_rng(0))
    assert found.value[0] == 1
    assert found.null[0] < 0.35


def texts_of_two_domains(by: str) -> tuple[ExpertProfile, np.ndarray, np.ndarray, np.ndarray]:
    """Two domains of 40 documents with other shares of two tokens; the expert follows token, domain or chance."""
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1], 8000)
    tokens = np.where(rng.random(16_000) < np.where(labels == 0, 0.8, 0.2), 5, 9)
    chance = rng.integers(0, 4, 16_000)
    experts = {"token": (tokens == 5) * 1, "chance": chance, "domain": np.where(chance < 2, labels, chance)}[by]
    pieces = np.arange(16_000).reshape(80, 200)
    traces = [routed(experts[piece][None, :, None], tokens[piece]) for piece in pieces]
    return ExpertProfile.of_traces({"a": traces[:40], "b": traces[40:]}), experts, tokens, labels


@pytest.mark.parametrize("by", ["token", "chance", "domain"])
def test_given_the_token_a_profile_says_what_its_tokens_say(by):
    profile, experts, tokens, labels = texts_of_two_domains(by)
    [found] = profile_information_given_token(profile, np.random.default_rng(0))
    direct = information_given_token(experts, tokens, labels, np.random.default_rng(0))
    assert found.bits == pytest.approx(direct.bits, abs=1e-9)
    assert found.null_mean == pytest.approx(direct.null_mean, abs=2e-4)
    assert found[2:] == direct[2:] == (2, 1.0)
    assert (found.bits - found.null_mean > 0.05) == (by == "domain")


def test_tokens_that_the_table_did_not_keep_are_left_out():
    profile, *_ = texts_of_two_domains("domain")
    table = profile.group_table
    forgetful = replace(profile, group_table=replace(table, counts=np.where(table.tokens == 9, 1, table.counts)))
    [found] = profile_information_given_token(forgetful, np.random.default_rng(0))
    assert found.tokens == 1
    [nothing] = profile_information_given_token(profile, np.random.default_rng(0), occurrences=10**6)
    assert (nothing.tokens, nothing.share_of_text) == (0, 0.0)
    assert np.isnan(nothing.bits)


def test_the_loss_of_a_profile_takes_all_text_for_one_batch():
    """Two domains of two experts each: uneven by themselves, even together."""
    scoring = Scoring("softmax", normalized=True)
    traces = {}
    for domain, best in (("a", 0), ("b", 2)):
        logits = np.full((1, 40, 4), -20.0)
        logits[0, :, best : best + 2] = 0
        ids = np.tile([best, best + 1], (1, 40, 1))
        plain = make_trace(tokens=40, experts=4, sites=1, scoring=scoring, generated=0)
        traces[domain] = [replace(plain, expert_ids=ids, gate_weights=np.full(ids.shape, 0.5), router_logits=logits)]
    profile = ExpertProfile.of_traces(traces)
    assert profile_load_balancing_loss(profile)[0] == pytest.approx(1)
    np.testing.assert_allclose(load_balancing_loss(profile.counts(), profile.mean_probabilities()), [[2], [2]])
