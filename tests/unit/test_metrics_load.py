"""Load and balance against plain counting, hand-worked cases and laws."""

import dataclasses
import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from moe_viz.data.scores import margin, router_entropy
from moe_viz.data.trace import RoutingTrace
from moe_viz.metrics import load as of
from moe_viz.metrics.ordering import coactivation_order
from moe_viz.metrics.repetition import overall_repetition
from moe_viz.metrics.tables import expert_table, layer_table, router_means
from moe_viz.profiles.expert_profile import ExpertProfile
from tests.invented import make_trace

RAGGED = {"experts": [4, 8, 6], "top_k": [1, 3, 2], "tokens": 40, "dropped": 0.2}

count_rows = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 3), st.integers(2, 12)), elements=st.integers(0, 50).map(float)
).filter(lambda counts: (counts.sum(axis=-1) > 0).all())


def plain_counts(trace: RoutingTrace, site: int) -> Counter:
    return Counter(int(e) for row in trace.expert_ids[site] for e in row if e >= 0)


def reordered(trace: RoutingTrace, order: np.ndarray) -> RoutingTrace:
    return dataclasses.replace(
        trace,
        expert_ids=trace.expert_ids[:, order],
        gate_weights=trace.gate_weights[:, order],
        router_logits=trace.router_logits[:, order],
    )


def layers_of(trace: RoutingTrace) -> pd.DataFrame:
    """The layer table of a text, with what its routers made of its tokens."""
    means = router_means(trace.sites, router_entropy(trace), margin(trace))
    return layer_table(ExpertProfile.of_choices(trace)).assign(**means)


def test_counts_match_plain_counting_and_are_nan_beyond_a_sites_experts():
    trace = make_trace(**RAGGED)
    counts = of.expert_counts(trace)
    for s, site in enumerate(trace.sites):
        seen = plain_counts(trace, s)
        assert counts[s, : site.num_experts].tolist() == [seen[e] for e in range(site.num_experts)]
        assert np.isnan(counts[s, site.num_experts :]).all()


def test_mean_weight_and_gate_share_match_plain_sums():
    trace = make_trace(**RAGGED)
    gates = ExpertProfile.of_choices(trace).gate_sums()[0]
    means, shares = of.mean_gating_weight(of.expert_counts(trace), gates), of.load(gates)
    for s, site in enumerate(trace.sites):
        for e in range(site.num_experts):
            took = trace.gate_weights[s][trace.expert_ids[s] == e].tolist()
            assert means[s, e] == pytest.approx(sum(took) / len(took) if took else math.nan, nan_ok=True)
            assert shares[s, e] == pytest.approx(sum(took) / float(trace.gate_weights[s].sum()), rel=1e-5)


@given(count_rows)
def test_shares_sum_to_one_and_differences_to_zero(counts):
    assert of.load(counts).sum(axis=-1) == pytest.approx(1)
    assert of.uniform_difference(counts).sum(axis=-1) == pytest.approx(0, abs=1e-9)
    assert (of.uniform_difference(counts) >= -1).all()


@given(count_rows)
def test_bounds_of_entropy_effective_experts_and_imbalance(counts):
    experts = counts.shape[1]
    assert (of.load_entropy(counts) >= 0).all()
    assert (of.load_entropy(counts) <= math.log(experts) + 1e-12).all()
    assert (of.effective_experts(counts) <= experts + 1e-9).all()
    assert (of.max_violation(counts) >= 0).all()
    assert (of.max_violation(counts) <= experts - 1 + 1e-9).all()
    # Rényi entropies fall with their order: e^H is at least 1 / sum p², which is experts / (1 + CV²)
    assert (of.effective_experts(counts) >= experts / (1 + of.coefficient_of_variation(counts) ** 2) - 1e-9).all()


@given(count_rows, st.integers(2, 5))
def test_only_shares_matter(counts, factor):
    for measure in (of.load, of.load_entropy, of.max_violation, of.coefficient_of_variation):
        np.testing.assert_allclose(measure(counts * factor), measure(counts), atol=1e-12)


@pytest.mark.parametrize("experts", [2, 7, 64])
def test_an_even_spread_uses_all_experts_and_a_single_one_just_that(experts):
    even, single = np.full(experts, 3.0), np.zeros(experts)
    single[1] = 5
    assert of.effective_experts(even) == pytest.approx(experts)
    assert of.effective_experts(single) == 1
    assert of.max_violation(even) == pytest.approx(0, abs=1e-12)
    assert of.max_violation(single) == pytest.approx(experts - 1)
    assert of.coefficient_of_variation(single) == pytest.approx(math.sqrt(experts - 1))
    assert of.unused_experts(single) == experts - 1


def test_a_case_worked_by_hand():
    assert of.unused_experts(np.array([1.0, 0.0, 2.0, np.nan])) == 1
    counts = np.array([6.0, 2.0, 0.0, np.nan])  # mean 8/3; loads 3/4, 1/4, 0
    np.testing.assert_allclose(of.load(counts), [0.75, 0.25, 0, np.nan])
    np.testing.assert_allclose(of.uniform_difference(counts), [1.25, -0.25, -1, np.nan])
    assert of.max_violation(counts) == pytest.approx(1.25)
    assert of.coefficient_of_variation(counts) == pytest.approx(math.sqrt((1.25**2 + 0.25**2 + 1) / 3))
    assert of.load_entropy(counts) == pytest.approx(2 * math.log(2) - 0.75 * math.log(3))
    assert of.normalized_entropy(of.load_entropy(counts), of.num_experts(counts)) == pytest.approx(0.51186, abs=1e-5)
    assert (of.num_experts(counts), of.unused_experts(counts)) == (3, 1)


def test_nothing_assigned_means_nothing_known():
    idle = np.array([0.0, 0.0, np.nan])
    measures = (of.load_entropy, of.effective_experts, of.max_violation, of.coefficient_of_variation)
    assert all(np.isnan(measure(idle)) for measure in measures)
    assert np.isnan(of.load(idle)).all()
    assert of.unused_experts(idle) == 2


@given(st.permutations(range(12)), st.integers(0, 50))
def test_the_order_of_tokens_does_not_matter(order, seed):
    trace = make_trace(tokens=12, seed=seed, dropped=0.1)
    before, after = layers_of(trace), layers_of(reordered(trace, np.array(order)))
    for column in before.columns.drop(["name", "stack"]):
        np.testing.assert_allclose(after[column].to_numpy(), before[column].to_numpy(), rtol=1e-12, err_msg=column)


def test_prompt_and_generated_tokens_add_up():
    trace = make_trace(tokens=20, generated=8, dropped=0.1)
    profile = ExpertProfile.of_choices(trace)
    parts = [of.expert_counts(trace, mask) for mask in (trace.generated, ~trace.generated)]
    np.testing.assert_array_equal(sum(parts), of.expert_counts(trace))
    for part, generated in zip(parts, (True, False), strict=True):
        np.testing.assert_array_equal(part, profile.counts(generated)[0])


def test_router_means_are_those_of_the_tokens_with_a_value():
    trace = make_trace(**RAGGED)
    nats, margins = router_entropy(trace), margin(trace)
    nats[1, 5:] = np.nan
    means = router_means(trace.sites, nats, margins)
    for s, site in enumerate(trace.sites):
        known = [x for x in nats[s].tolist() if not math.isnan(x)]
        assert len(known) == (5 if s == 1 else 40)
        assert means["router_entropy"][s] == pytest.approx(sum(known) / len(known))
        share = sum(known) / len(known) / math.log(site.num_experts)
        assert means["router_entropy_normalized"][s] == pytest.approx(share)
        decided = [x for x in margins[s].tolist() if not math.isnan(x)]
        assert means["margin"][s] == pytest.approx(sum(decided) / len(decided))


def test_layer_table_says_what_the_parts_say():
    trace = make_trace(**RAGGED)
    table = layers_of(trace)
    assert table["layer"].tolist() == [0, 1, 2]
    assert table["num_experts"].tolist() == [4, 8, 6]
    for s, site in enumerate(trace.sites):
        row, counts = table.iloc[s], [plain_counts(trace, s)[e] for e in range(site.num_experts)]
        p = [c / sum(counts) for c in counts if c]
        spread = -sum(x * math.log(x) for x in p)
        assert row["assignments"] == sum(counts)
        assert row["empty_slots"] == 40 * site.top_k - sum(counts) > 0
        assert row["load_entropy"] == pytest.approx(spread)
        assert row["load_entropy_normalized"] == pytest.approx(spread / math.log(site.num_experts))
        assert row["effective_experts"] == pytest.approx(math.exp(spread))
        assert row["unused_experts"] == counts.count(0)
    assert table["router_entropy_normalized"].between(0, 1).all()


@pytest.mark.parametrize("unknown", [{"logits": False}, {"scoring": None}], ids=["logits", "scoring"])
def test_without_logits_or_scoring_the_load_is_known_and_the_router_is_not(unknown):
    trace = make_trace(**unknown)
    of_routers = ["router_entropy", "router_entropy_normalized", "margin"]
    table, of_profile = layers_of(trace), layer_table(ExpertProfile.of_traces({"a": [trace]}))
    pd.testing.assert_frame_equal(table, of_profile)
    assert table[of_routers].isna().all(axis=None)
    assert table.drop(columns=of_routers).notna().all(axis=None)


def test_expert_table_has_one_row_an_existing_expert():
    trace = make_trace(**RAGGED)
    table = expert_table(ExpertProfile.of_choices(trace))
    assert list(zip(table["site"], table["expert"], strict=True)) == [
        (s, e) for s, site in enumerate(trace.sites) for e in range(site.num_experts)
    ]
    assert table["count"].sum() == (trace.expert_ids >= 0).sum()
    np.testing.assert_allclose(table.groupby("site")[["load", "gate_share"]].sum(), 1)
    for row in table.itertuples():
        assert row.uniform_difference == pytest.approx(row.load * trace.sites[row.site].num_experts - 1)
        took = trace.gate_weights[row.site][trace.expert_ids[row.site] == row.expert]
        assert row.gate_share == pytest.approx(float(took.sum() / trace.gate_weights[row.site].sum()), rel=1e-5)
        assert math.isnan(row.mean_gating_weight) == (row.count == 0)


def test_expert_table_without_a_token_says_what_is_unknown():
    table = expert_table(ExpertProfile.of_choices(make_trace(dropped=1.0)))
    assert (table["count"] == 0).all()
    assert table[["load", "uniform_difference", "mean_gating_weight", "gate_share"]].isna().all(axis=None)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.sampled_from([0.0, 0.3]), st.integers(0, 40))
def test_the_choices_of_a_text_give_the_tables_of_its_whole_profile(seed, dropped, generated):
    trace = make_trace(**RAGGED | {"dropped": dropped}, seed=seed, generated=generated)
    choices, whole = ExpertProfile.of_choices(trace), ExpertProfile.of_traces({"a": [trace]})
    for of_profile in (layer_table, expert_table):
        pd.testing.assert_frame_equal(of_profile(choices), of_profile(whole))
    for mine, theirs in zip(overall_repetition(choices), overall_repetition(whole), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(coactivation_order(choices), coactivation_order(whole))


def test_the_choices_of_a_text_know_neither_tokens_nor_probabilities():
    choices = ExpertProfile.of_choices(make_trace(**RAGGED))
    assert not choices.occurrences.size
    assert not any(len(table.counts) for table in (*choices.token_tables, choices.group_table))
    assert np.isnan(choices.mean_probabilities()).all()


@pytest.mark.parametrize("token", [-1, 2**31 - 1])
def test_the_tables_of_a_text_do_not_depend_on_what_a_file_calls_its_tokens(token):
    trace = make_trace(**RAGGED)
    other = dataclasses.replace(trace, token_ids=np.full(len(trace), token))
    pd.testing.assert_frame_equal(layers_of(other), layers_of(trace))
