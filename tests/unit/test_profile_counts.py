"""A profile's counts: against a plain loop over tokens, and whatever way they are put together."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations, pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moe_viz import NO_EXPERT, ExpertProfile, NextTokens, ProfileError, RoutingTrace, Scoring
from moe_viz.profiles import profile_counts as value
from moe_viz.profiles.corpus_run import TokenGroup
from moe_viz.profiles.profile_counts import FIRST, LATER, SQUARE_UNIT, UNIT
from tests.invented import SOFTMAX, make_trace

SIGMOID = Scoring("sigmoid", normalized=False, scale=2.5)


def with_guesses(trace: RoutingTrace, seed: int = 0) -> RoutingTrace:
    ids = np.random.default_rng(seed).integers(0, 1000, (len(trace), 2))
    texts = tuple(tuple(f"t{i}" for i in row) for row in ids)
    return replace(trace, next_tokens=NextTokens(ids, np.full(ids.shape, 0.5), texts))


def traces_of_two_domains() -> dict[str, list[RoutingTrace]]:
    shape = {"experts": (8, 5, 8), "top_k": (2, 1, 3), "scoring": (SOFTMAX, SIGMOID, None), "dropped": 0.2}
    return {
        "verse": [with_guesses(make_trace(tokens=5 + 9 * i, generated=2 * i, seed=i, **shape), i) for i in range(4)],
        "code": [make_trace(tokens=11, generated=0, logits=False, seed=9, **shape)],
    }


def ranked(trace: RoutingTrace, site: int, token: int) -> list[int]:
    """The experts of one token, the largest gating weight first."""
    ids, weights = trace.expert_ids[site, token], trace.gate_weights[site, token]
    return [int(ids[slot]) for slot in np.argsort(-weights, kind="stable") if ids[slot] != NO_EXPERT]


def test_every_count_is_that_of_a_loop_over_the_tokens():
    traces = traces_of_two_domains()
    profile = ExpertProfile.of_traces(traces)
    groups = (TokenGroup("code", False), TokenGroup("verse", False), TokenGroup("verse", True))
    assert profile.groups == groups
    seen: dict[str, Counter] = {
        name: Counter() for name in ("rank", "pair", "adjacent", "across", "n", "either", "same")
    }
    tables: dict[str, Counter] = {name: Counter() for name in ("input", "predicted", "next", "group")}
    gates, probabilities, squares = (np.zeros((3, 3, 8)) for _ in range(3))
    for domain, of_domain in traces.items():
        for trace in of_domain:
            for site, token in product(range(3), range(len(trace))):
                g = groups.index(TokenGroup(domain, bool(trace.generated[token])))
                mine = ranked(trace, site, token)
                views = {"input": int(trace.token_ids[token])}
                if trace.next_tokens is not None:
                    views["predicted"] = int(trace.next_tokens.token_ids[token, 0])
                if token + 1 < len(trace):
                    views["next"] = int(trace.token_ids[token + 1])
                for rank, expert in enumerate(mine):
                    seen["rank"][g, site, rank, expert] += 1
                    gates[g, site, expert] += trace.gate_weights[site, token][trace.expert_ids[site, token] == expert][
                        0
                    ]
                    for view, met in views.items():
                        tables[view][FIRST if rank == 0 else LATER, site, expert, met] += 1
                if mine:
                    tables["group"][g, site, mine[0], views["input"]] += 1
                seen["pair"].update((site, a, b) for a, b in combinations(mine, 2))
                seen["adjacent"].update((site, a, b) for a, b in pairwise(mine))
                if site < 2:
                    seen["across"].update((site, a, b) for a, b in product(mine, ranked(trace, site + 1, token)))
                if token and mine and (before := ranked(trace, site, token - 1)):
                    seen["n"][g, site] += 1
                    seen["either"][g, site] += bool(set(mine) & set(before))
                    seen["same"][g, site] += mine[0] == before[0]
                if trace.router_logits is not None and site < 2:
                    logits = trace.router_logits[site, token].astype(np.float64)
                    logits = logits[~np.isnan(logits)]
                    scores = np.exp(logits) if site == 0 else 1 / (1 + np.exp(-logits))
                    probabilities[g, site, : len(logits)] += scores / scores.sum()
                    squares[g, site, 0] += np.log(np.exp(logits).sum()) ** 2

    def same(array: np.ndarray, counter: Counter) -> None:
        assert {tuple(map(int, at)): int(array[tuple(at)]) for at in np.argwhere(array)} == dict(+counter)

    same(profile.selections, seen["rank"])
    same(profile.pairs, seen["pair"])
    same(profile.adjacent_pairs, seen["adjacent"])
    same(profile.transitions, seen["across"])
    same(profile.neighbours, seen["n"])
    same(profile.repeats[..., LATER], seen["either"])
    same(profile.repeats[..., FIRST], seen["same"])
    np.testing.assert_allclose(profile.gate_units * UNIT, gates, atol=1e-6)
    np.testing.assert_allclose(profile.probability_units * UNIT, probabilities, atol=1e-6)
    np.testing.assert_allclose(profile.square_units * SQUARE_UNIT, squares[..., 0], atol=1e-3)
    scored = [[0, 0, 0], *([len_, len_, 0] for len_ in profile.tokens[1:])]
    np.testing.assert_array_equal(profile.scored_tokens, scored)
    for name, table in zip(("input", "predicted", "next"), profile.token_tables, strict=True):
        cells = {(c // 24, c // 8 % 3, c % 8, t): n for c, t, n in entries(table)}
        assert cells == dict(tables[name])
    assert {(c // 24, c // 8 % 3, c % 8, t): n for c, t, n in entries(profile.group_table)} == dict(tables["group"])


def entries(table):
    return zip(table.cells.tolist(), table.tokens.tolist(), table.counts.tolist(), strict=True)


def without_runs(profile: ExpertProfile) -> ExpertProfile:
    run = replace(profile.runs[0], documents=0, tokens=0)
    return replace(profile, runs=(run,))


@settings(max_examples=25)
@given(st.permutations(range(8)), st.lists(st.integers(0, 2), min_size=8, max_size=8), st.integers(0, 2**16))
def test_parts_merge_in_any_order_and_grouping_to_the_same(order, bins, seed):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(value, "BLOCKS", 0)  # at most 32 blocks a domain
        documents = [("ab"[i % 2], make_trace(tokens=4 + i, seed=seed + i, generated=i % 3)) for i in range(8)]
        whole = ExpertProfile.of_traces({d: [t for e, t in documents if e == d] for d in "ab"})
        parts = [ExpertProfile.of_traces({domain: [trace]}) for domain, trace in documents]
        binned = [[parts[i] for i in order if bins[i] == b] for b in range(3)]
        some = [of_bin[0].merge(*of_bin[1:]) for of_bin in binned if of_bin]
        assert without_runs(some[0].merge(*some[1:])) == without_runs(whole)
        assert sorted(map(repr, some[0].merge(*some[1:]).runs)) == sorted(repr(part.runs[0]) for part in parts)


def test_documents_beyond_the_bound_are_pooled_the_same_in_any_order(monkeypatch):
    monkeypatch.setattr(value, "BLOCKS", 0)
    traces = [make_trace(tokens=3, seed=i, generated=0) for i in range(90)]
    whole = ExpertProfile.of_traces({"a": traces})
    assert whole.pooled.tolist() == [True]
    assert len(whole.block_key) <= 32
    assert whole.block_documents.sum() == 90
    one_more = make_trace(tokens=3, seed=90, generated=0)
    added = whole.merge(ExpertProfile.of_traces({"a": [one_more]}))
    assert without_runs(added) == without_runs(ExpertProfile.of_traces({"a": [*traces, one_more]}))
    parts = [ExpertProfile.of_traces({"a": traces[i::4]}) for i in (2, 0, 3, 1)]
    assert not any(part.pooled.any() for part in parts)
    assert without_runs(parts[0].merge(parts[1]).merge(parts[2].merge(parts[3]))) == without_runs(whole)


def test_one_text_twice_is_one_document_of_double_weight():
    trace = make_trace(generated=0)
    twice = ExpertProfile.of_traces({"a": [trace, trace]})
    assert twice.block_documents.tolist() == [2]
    np.testing.assert_array_equal(twice.counts(), 2 * ExpertProfile.of_traces({"a": [trace]}).counts())


def test_counts_by_domain_and_by_document():
    traces = traces_of_two_domains()
    profile = ExpertProfile.of_traces(traces)
    assert profile.domains == ("code", "verse")
    assert profile.tokens_by_domain().tolist() == [11, 5 + 14 + 23 + 32]
    assert profile.tokens_by_domain(generated=True).tolist() == [0, 12]
    assert np.isnan(profile.counts()[:, 1, 5:]).all()
    for kept in (None, False, True):
        for first in (False, True):
            rows, labels = profile.by_document(kept, first=first)
            summed = np.stack([rows[labels == label].sum(axis=0) for label in (0, 1)])
            np.testing.assert_array_equal(np.nan_to_num(summed), np.nan_to_num(profile.counts(kept, first=first)))
    assert len(profile.by_document()[1]) == 1 + 4 + 3
    assert np.isnan(profile.mean_probabilities()[0]).all()  # the code has no logits
    np.testing.assert_allclose(np.nansum(profile.mean_probabilities()[1, :2], axis=-1), 1, atol=1e-7)


def test_profiles_of_other_models_or_routers_do_not_merge():
    one = ExpertProfile.of_traces({"a": [make_trace()]})
    with pytest.raises(ProfileError, match="different routers"):
        one.merge(ExpertProfile.of_traces({"a": [make_trace(experts=9)]}))
    trace = make_trace()
    other = replace(trace, provenance=replace(trace.provenance, revision="2"))
    with pytest.raises(ProfileError, match="differ in revision: None and '2'"):
        one.merge(ExpertProfile.of_traces({"a": [other]}))
    with pytest.raises(ProfileError, match="no trace"):
        ExpertProfile.of_traces({"a": []})


def test_arrays_are_read_only():
    profile = ExpertProfile.of_traces({"a": [make_trace()]})
    for array in (profile.tokens, profile.block_first, profile.group_table.counts):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
