"""Co-activation against chance, and the flow between routers: laws, and counts taken directly from the traces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import moe_viz
from moe_viz.data.trace import RoutingTrace
from moe_viz.metrics.coactivation import EXPECTED, chance_of_both, coactivation, coactivation_table
from moe_viz.metrics.flow import BRANCHES, LIFT, NAMED, WIDTH, by_strength, even_share, links, paths
from moe_viz.profiles.expert_profile import ExpertProfile
from tests.invented import make_trace

DEMO = Path(moe_viz.__file__).parent / "demo"


def routed(ids: np.ndarray, experts: int) -> RoutingTrace:
    """A trace with these experts `[site token rank]`, the gating weights falling with the rank."""
    sites, tokens, ranks = ids.shape
    plain = make_trace(tokens=tokens, experts=experts, top_k=ranks, sites=sites, logits=False, generated=0)
    return replace(plain, expert_ids=ids, gate_weights=np.broadcast_to(np.arange(ranks, 0, -1) / ranks, ids.shape))


def by_chance(tokens: int, experts: int, top_k: int, sites: int, seed: int = 0) -> np.ndarray:
    """Distinct experts drawn without regard to each other, some more often than others."""
    rng = np.random.default_rng(seed)
    worth = np.log(1 + np.arange(experts)) + rng.gumbel(size=(sites, tokens, experts))
    return np.argsort(-worth, axis=-1)[..., :top_k].astype(np.int16)


@pytest.fixture(scope="module")
def chance():
    return ExpertProfile.of_traces({"a": [routed(by_chance(30_000, 8, 2, 3), 8)]})


def test_chance_keeps_each_experts_pairs_and_pairs_none_with_itself():
    rng = np.random.default_rng(0)
    both = rng.integers(1, 900, (7, 7)).astype(float)
    both = np.triu(both, 1) + np.triu(both, 1).T
    expected = chance_of_both(both)
    np.testing.assert_allclose(expected.sum(axis=1), both.sum(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(expected, expected.T)
    assert not expected.diagonal().any()
    np.testing.assert_allclose(chance_of_both(expected), expected, rtol=1e-6)  # a_i a_j is its own chance


@pytest.mark.parametrize("both", [np.zeros((3, 3)), np.array([[0.0, 7], [7, 0]]), np.zeros((1, 1))])
def test_chance_of_few_pairs_or_none_is_what_there_is(both):
    np.testing.assert_allclose(chance_of_both(both), both)


def test_one_expert_that_every_token_takes_is_no_surprise():
    both = np.zeros((5, 5))
    both[0, 1:] = both[1:, 0] = 100
    assert np.abs(chance_of_both(both) - both).max() < 1


def test_experts_drawn_without_regard_to_each_other_have_a_lift_of_one(chance):
    table = coactivation_table(chance, 0)
    assert len(table) == 8 * 7
    well = table[table["expected"] > 500]
    assert len(well) > 20
    np.testing.assert_allclose(well["lift"], 1, atol=0.2)
    plain = chance.counts()[0, 0] / 30_000
    careless = well["share"] / plain[well["other"]]
    assert careless.mean() < 0.75  # dividing by the other's share of all tokens would call chance less than chance


def test_the_table_of_pairs_is_co_activation_as_defined():
    profile = ExpertProfile.of_traces({"a": [make_trace(experts=[5, 7], top_k=[3, 3], tokens=90)]})
    table = coactivation_table(profile, 0)
    np.testing.assert_allclose(table["share"], coactivation(profile)[0][table["expert"], table["other"]])
    as_coded = coactivation(profile, adjacent=True)[0]
    np.testing.assert_allclose(table["as_coded"], as_coded[table["expert"], table["other"]])
    np.testing.assert_allclose(table.groupby("expert")["share"].sum(), 2)
    assert table.loc[table["expected"] < EXPECTED, "lift"].isna().all()


def test_flow_is_conserved():
    """The shares of all experts of a router sum to its top_k; what comes to all of a router is what left the last."""
    trace = make_trace(experts=[4, 9, 6], top_k=[1, 3, 2], tokens=200)
    profile = ExpertProfile.of_traces({"a": [trace]})
    table = links(profile, 1, range(9))
    sums = table.groupby(["direction", "expert"])["share"].sum().unstack(0)
    np.testing.assert_allclose(sums["before"], 1)
    np.testing.assert_allclose(sums["after"], 2)
    for direction, site in (("before", 0), ("after", 2)):
        of = table[table["direction"] == direction].groupby("other")["tokens"].sum()
        np.testing.assert_array_equal(of, 3 * profile.counts()[0, site, : len(of)])  # each token took three here
    back = links(profile, 0, [2]).query("direction == 'after' and other == 5")["tokens"].item()
    assert back == table.query("direction == 'before' and expert == 5 and other == 2")["tokens"].item()


def test_links_are_those_of_the_traces():
    trace = make_trace(experts=6, top_k=2, tokens=400)
    table = links(ExpertProfile.of_traces({"a": [trace]}), 1, [4])
    took = (trace.expert_ids[1] == 4).any(axis=-1)
    for row in table.to_dict("records"):
        other = (trace.expert_ids[row["site"]] == row["other"]).any(axis=-1)
        assert row["tokens"] == (took & other).sum()
        assert row["share"] == pytest.approx(other[took].mean())
        assert row["lift"] == pytest.approx(other[took].mean() / other.mean())
    assert set(table["direction"]) == {"before", "after"}


def test_a_router_that_does_not_look_at_the_one_before_has_a_lift_of_one(chance):
    table = links(chance, 1, range(8))
    well = table[table["expected"] > 500]
    np.testing.assert_allclose(well["lift"], 1, atol=0.15)
    assert paths(chance, 1, [5]).empty


def test_the_first_and_last_router_have_one_side_and_a_single_router_none():
    profile = ExpertProfile.of_traces({"a": [make_trace(tokens=30)]})
    assert set(links(profile, 0, [1])["direction"]) == {"after"}
    assert set(links(profile, 2, [1])["direction"]) == {"before"}
    assert links(ExpertProfile.of_traces({"a": [make_trace(sites=1)]}), 0, [1]).empty


def test_named_are_the_strongest_and_several_experts_count_together():
    profile = ExpertProfile.of_traces({"a": [make_trace(experts=40, top_k=4, tokens=3000, generated=0)]})
    table = links(profile, 1, [3, 7]).query("direction == 'after'")
    even = even_share(profile, 2)
    assert even == 0.1
    strength = by_strength(table, even)
    assert strength["share"].is_monotonic_decreasing
    assert strength["share"].sum() == pytest.approx(4)
    assert strength["named"].sum() == min(NAMED, (strength["share"] >= even).sum()) > 0
    taken = profile.counts()[0, 1, [3, 7]].sum()
    first = strength.iloc[0]
    together = table.loc[table["other"] == first["other"], "tokens"].sum()
    assert first["share"] == pytest.approx(together / taken)


def test_a_planted_path_is_followed_to_both_ends():
    """A tenth of the tokens goes through one expert a router, all others by chance."""
    way = [5, 2, 6, 1, 3, 7]
    ids = by_chance(8000, 16, 2, len(way), seed=3)
    for site, expert in enumerate(way):
        others = ids[site, :800]
        others[:, 0] = np.where(others[:, 1] == expert, others[:, 0], expert)
    profile = ExpertProfile.of_traces({"a": [routed(ids, 16)]})
    table = paths(profile, 2, [6])
    found = {(row.near_site, row.near, row.far_site, row.far) for row in table.itertuples()}
    steps = [(2, 1), (1, 0), (2, 3), (3, 4), (4, 5)]
    assert {(a, way[a], b, way[b]) for a, b in steps} <= found
    assert (table["lift"] >= LIFT).all()
    assert set(table.loc[table["steps"] == 1, "near"]) == {6}
    assert table.groupby(["near_site", "near", "direction"]).size().max() <= BRANCHES
    assert table.groupby("far_site")["far"].nunique().max() <= WIDTH


def test_of_each_expert_the_strongest_links_that_are_more_than_chance_go_on():
    profile = ExpertProfile.load(DEMO / "probes.moeprofile")
    table = paths(profile, 2, [3])
    for direction in ("before", "after"):
        near = links(profile, 2, [3]).query(f"direction == '{direction}' and lift >= {LIFT}")
        found = table[(table["steps"] == 1) & (table["direction"] == direction)]
        wanted = near.nlargest(BRANCHES, "tokens")
        assert len(wanted) == BRANCHES
        assert sorted(found["far"]) == sorted(wanted["other"])
        np.testing.assert_allclose(sorted(found["share"]), sorted(wanted["share"]))
    assert set(table["far_site"]) == {0, 1, 3, 4, 5}
