"""Specialists of a profile, on all documents and on halves of them, against independent counts."""

import numpy as np
import pytest

from moe_viz.metrics.domains import estimated_domain_information
from moe_viz.metrics.specialists import (
    LEVEL,
    best_domains,
    find_specialists,
    held_out,
    held_out_table,
    information_table,
    use_table,
)
from moe_viz.metrics.specialization import LEAST
from moe_viz.profiles.expert_profile import ExpertProfile
from tests.invented import make_trace
from tests.invented_profile import make_profile


def planted(seed: int = 0, documents: int = 24, lift: float = 3.0) -> ExpertProfile:
    """Two domains; texts of the first prefer expert 5 of site 1."""
    from dataclasses import replace

    traces = {}
    for number, domain in enumerate(("likes five", "other")):
        own = []
        for document in range(documents):
            trace = make_trace(tokens=40, generated=0, experts=8, top_k=1, seed=1000 * seed + 100 * number + document)
            ids = trace.expert_ids.copy()
            if domain == "likes five":
                rng = np.random.default_rng(document)
                ids[1, rng.random(40) < (lift - 1) / 8] = 5
            own.append(replace(trace, expert_ids=ids))
        traces[domain] = own
    return ExpertProfile.of_traces(traces)


def test_a_planted_specialist_is_found_and_confirmed_in_the_other_half():
    profile = planted()
    found = find_specialists(profile, np.random.default_rng(0))
    assert found.marked[0, 1, 5]
    assert not found.marked[1, 1, 5]
    assert found.low[0, 1, 5] < found.difference[0, 1, 5] < found.high[0, 1, 5]
    halves = held_out(profile, np.random.default_rng(0))
    assert halves.found[0, 1, 5]
    assert halves.confirmed[0, 1, 5]
    assert not (halves.confirmed & ~halves.found).any()


def test_the_difference_is_that_of_plain_counts():
    profile = make_profile(domains=3, experts=5, top_k=2)
    found = find_specialists(profile, np.random.default_rng(0))
    shares = profile.counts() / profile.tokens_by_domain()[:, None, None]
    np.testing.assert_allclose(found.use, shares)
    np.testing.assert_allclose(found.difference[0], shares[0] - (shares[1] + shares[2]) / 2)
    assert (found.low <= found.high).all()


def test_without_specialists_few_are_marked_and_halves_disagree():
    marked = confirmed = 0
    for seed in range(12):
        profile = planted(seed, documents=12, lift=1.0)
        marked += int(find_specialists(profile, np.random.default_rng(seed)).marked.any())
        confirmed += int(held_out(profile, np.random.default_rng(seed)).confirmed.any())
    assert marked <= 3  # 0.05 is promised; more than 3 of 12 happens once in 4,000 times
    assert confirmed <= 1


def test_intervals_cover_the_truth():
    """Both domains are drawn from one law, so that the true difference is 0 everywhere."""
    covered = []
    for seed in range(6):
        profile = planted(seed, documents=24, lift=1.0)
        found = find_specialists(profile, np.random.default_rng(seed))
        covered.append((found.low <= 0) & (found.high >= 0))
    assert 0.9 <= np.mean(covered) <= 0.99


def test_each_half_has_half_of_every_domain_and_a_single_document_has_none():
    assert held_out(make_profile(documents=1), np.random.default_rng(0)) is None
    profile = make_profile(documents=20)  # of one length, so that the mean of the halves is the whole
    halves = held_out(profile, np.random.default_rng(0))
    whole = find_specialists(profile, np.random.default_rng(0)).difference
    np.testing.assert_allclose((halves.fitted + halves.held_out) / 2, whole, atol=1e-12)
    assert np.abs(halves.fitted - halves.held_out).max() > 0.01


def test_the_tables_have_a_row_for_what_there_is():
    profile = make_profile(experts=[4, 9], top_k=[1, 3])
    found = find_specialists(profile, np.random.default_rng(0))
    table = use_table(profile, found)
    assert len(table) == 3 * (4 + 9)
    per_layer = table.groupby(["domain", "site"])["share"].sum().unstack()
    assert per_layer.to_numpy() == pytest.approx(np.array([[1, 3]] * 3))
    least = np.array([1 / 4, 3 / 9])[table["site"]] * LEAST
    assert (table["marked"] == ((table["q"] <= LEVEL) & (table["difference"] > least))).all()
    halves = held_out(planted(), np.random.default_rng(0))
    assert len(held_out_table(planted(), halves)) == halves.found.sum()


def test_the_table_of_information_takes_the_null_off():
    from moe_viz.metrics.domains import GivenToken

    profile = make_profile(sites=2)
    estimate = estimated_domain_information(*profile.by_document(), np.random.default_rng(0))
    given = [GivenToken(0.5, 0.125, 40, 0.25), GivenToken(0.25, 0.25, 40, 0.25)]
    table = information_table(profile, estimate, np.array([1.0, 2.0]), given)
    assert table["left_bits"].tolist() == [0.375, 0.0]
    assert table["layer"].tolist() == [0, 1]
    assert table["bits"].tolist() == estimate.value.tolist()


def test_the_best_domain_is_the_one_with_the_largest_difference():
    profile = make_profile(4, experts=[4, 9], top_k=[1, 3])
    found = find_specialists(profile, np.random.default_rng(0))
    table = best_domains(profile, found)
    assert len(table) == 4 + 9
    for row, (site, expert) in zip(
        table.itertuples(), [(s, e) for s, n in ((0, 4), (1, 9)) for e in range(n)], strict=True
    ):
        assert row.largest_difference == found.difference[:, site, expert].max() > 0
        assert found.difference[profile.domains.index(row.best_domain), site, expert] == row.largest_difference
        assert row.marked == found.marked[:, site, expert].any()
    alone = make_profile(1)
    assert best_domains(alone, find_specialists(alone, np.random.default_rng(0)))["largest_difference"].isna().all()
