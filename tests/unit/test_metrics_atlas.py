"""One expert's tables against counts taken directly from the traces."""

import numpy as np
import pytest

from moe_viz.metrics.atlas import domain_shares, loads, most_alike, partners, taken_tokens
from moe_viz.metrics.specialists import find_specialists
from moe_viz.profiles.expert_profile import ExpertProfile
from tests.invented import make_trace
from tests.invented_profile import make_profile

SITE, EXPERT = 1, 3


@pytest.fixture(scope="module")
def traces():
    from dataclasses import replace

    found = {}
    for number, domain in enumerate("ab"):
        own = []
        for document in range(6):
            trace = make_trace(tokens=60, generated=0, experts=6, top_k=2, seed=10 * number + document)
            own.append(replace(trace, token_ids=trace.token_ids % 9))  # few tokens, each met often
        found[domain] = own
    return found


@pytest.fixture(scope="module")
def profile(traces):
    return ExpertProfile.of_traces(traces)


def all_of(traces):
    return [trace for own in traces.values() for trace in own]


def test_the_tokens_are_those_of_the_traces(traces, profile):
    table = taken_tokens(profile, SITE, EXPERT).set_index("token_id")
    ids = np.concatenate([trace.token_ids for trace in all_of(traces)])
    took = np.concatenate([(trace.expert_ids[SITE] == EXPERT).any(axis=-1) for trace in all_of(traces)])
    assert len(table) == 9
    for token in range(9):
        row = table.loc[token]
        assert row["taken"] == took[ids == token].sum()
        assert row["met"] == (ids == token).sum()
        assert row["lift"] == pytest.approx(took[ids == token].mean() / took.mean())
    assert (table["at_least"] < table["share"]).all()
    assert table["at_least"].is_monotonic_decreasing


def test_the_next_tokens_are_counted_by_what_follows(traces, profile):
    table = taken_tokens(profile, SITE, EXPERT, "next").set_index("token_id")
    token = 4
    taken = sum(
        int(((trace.expert_ids[SITE, :-1] == EXPERT).any(axis=-1) & (trace.token_ids[1:] == token)).sum())
        for trace in all_of(traces)
    )
    assert table.loc[token, "taken"] == taken


def test_a_token_met_less_often_than_asked_is_left_out():
    profile = make_profile(domains=1, documents=1)
    assert taken_tokens(profile, 0, 0).empty
    rare = taken_tokens(profile, 0, 0, minimum=1)
    assert (rare["share"] == 1).any()
    assert (rare["at_least"] < 0.4).all()  # Wilson: once of once is at least 0.21


def test_partners_are_those_of_the_traces(traces, profile):
    found = partners(profile, SITE, EXPERT)
    assert list(found) == ["before", "beside", "after"]
    ids = np.concatenate([trace.expert_ids for trace in all_of(traces)], axis=1)
    took = (ids[SITE] == EXPERT).any(axis=-1)
    for where, site in (("before", 0), ("beside", 1), ("after", 2)):
        for row in found[where].to_dict("records"):
            other = (ids[site] == row["expert"]).any(axis=-1)
            assert row["share"] == pytest.approx(other[took].mean())
            if where != "beside":
                assert row["lift"] == pytest.approx(other[took].mean() / other.mean())
    assert EXPERT not in found["beside"]["expert"].tolist()
    assert list(partners(profile, 0, 0)) == ["beside", "after"]
    assert list(partners(make_profile(sites=1, top_k=1), 0, 0)) == []


def test_beside_it_chance_is_that_of_two_different_experts(profile):
    """In a layer a token takes no expert twice: where choices are random, as here, partners are at chance."""
    beside = partners(profile, SITE, EXPERT)["beside"]
    assert beside["expected"].sum() == pytest.approx(beside["tokens"].sum())
    assert np.average(beside["lift"], weights=beside["expected"]) == pytest.approx(1)
    assert beside["lift"].between(0.6, 1.5).all()  # N_i N_j / N would promise 1.2 to 2 times as many
    assert beside["lift"].is_monotonic_decreasing


def test_too_few_tokens_have_no_lift_and_stand_last():
    few = partners(make_profile(domains=1, documents=1), 0, 0)["after"]
    assert few["lift"].isna().any()
    assert few["lift"].isna().is_monotonic_increasing
    assert (few["expected"] < 5)[few["lift"].isna()].all()


def test_an_expert_is_most_like_one_that_serves_the_same_domains():
    profile = make_profile(domains=4)
    use = np.random.default_rng(0).random((4, 3, 8))
    use[:, 2, 6] = use[:, SITE, EXPERT] * 0.25  # the same domains, though of fewer tokens
    first = most_alike(profile, use, SITE, EXPERT).iloc[0]
    assert (first["site"], first["expert"]) == (2, 6)
    assert first["divergence"] == pytest.approx(0, abs=1e-12)
    assert len(most_alike(profile, use, SITE, EXPERT)) == 3 * 8 - 1


def test_shares_lie_in_their_intervals_and_a_single_document_has_none(profile):
    rng = np.random.default_rng(0)
    table = domain_shares(profile, find_specialists(profile, rng), SITE, EXPERT, rng)
    assert ((table["low"] <= table["share"]) & (table["share"] <= table["high"])).all()
    assert (table["low"] < table["high"]).all()
    single = make_profile(documents=1)
    table = domain_shares(single, find_specialists(single, rng), 0, 0, rng)
    assert table[["low", "high"]].isna().all(axis=None)


def test_loads_sum_to_one_and_have_no_expert_too_many():
    profile = make_profile(experts=[4, 9], top_k=[1, 3])
    assert loads(profile, 0)["load"].sum() == pytest.approx(1)
    assert len(loads(profile, 0)) == 4
