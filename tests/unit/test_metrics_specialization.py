"""Specialists against chance: none found where there is none, those planted found, few found wrongly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moe_viz.metrics import specialization
from moe_viz.metrics.domains import by_domain
from moe_viz.metrics.load import load
from moe_viz.metrics.specialization import (
    LEAST,
    benjamini_hochberg,
    expert_use,
    load_interval,
    risk_difference,
    specialist_p_values,
)

LABELS = np.repeat([0, 1, 2, 3], 24)
PLANTED = ((1, 0, 2, 3), (3, 1, 5, 6))
"""(domain, site, the expert that gains, the expert that loses)."""


def documents(seed: int, planted: float = 0.0, labels: np.ndarray = LABELS) -> np.ndarray:
    """Counts of documents that all differ, whatever their domain; `planted` moves load between two experts."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet([8.0] * 8, size=(len(labels), 2))
    for domain, site, gains, loses in PLANTED:
        moved = planted * shares[labels == domain, site, loses]
        shares[labels == domain, site, gains] += moved
        shares[labels == domain, site, loses] -= moved
    lengths = rng.integers(40, 400, len(labels))
    return rng.multinomial(lengths[:, None], shares).astype(float)


def found(seed: int, planted: float = 0.0, least: float = 0.0) -> np.ndarray:
    return benjamini_hochberg(p_values(seed, planted, least)) <= 0.1


def p_values(seed: int, planted: float, least: float) -> np.ndarray:
    return specialist_p_values(documents(seed, planted), LABELS, np.random.default_rng(seed), 100, least)


def test_use_and_risk_difference_worked_by_hand():
    counts = np.array([[[10.0, 6, 2]], [[1, 2, 3]], [[0, 0, 0]]])  # with an empty slot or two
    use = expert_use(counts, np.array([10.0, 3, 0]))
    np.testing.assert_allclose(use[:2, 0], [[1, 0.6, 0.2], [1 / 3, 2 / 3, 1]])
    assert np.isnan(use[2]).all()
    np.testing.assert_allclose(risk_difference(use[:2])[0, 0], [2 / 3, -1 / 15, -0.8])
    three = np.array([[[0.9]], [[0.3]], [[0.1]]])
    np.testing.assert_allclose(risk_difference(three).ravel(), [0.7, -0.2, -0.5])
    assert np.isnan(risk_difference(three[:1])).all()


def test_without_specialists_few_corpora_have_a_discovery():
    corpora = [found(seed).any() for seed in range(60)]
    assert np.mean(corpora) <= 0.2  # 0.1 is promised; 0.2 lies beyond its 98th percentile in 60 corpora


def test_p_values_of_chance_are_even():
    p = np.concatenate([p_values(seed, 0.0, 0.0).ravel() for seed in range(40)])
    for level in (0.01, 0.05, 0.1, 0.5):
        assert np.mean(p <= level) == pytest.approx(level, rel=0.3)


def test_planted_specialists_are_found_and_few_others():
    gains = np.zeros((4, 2, 8), dtype=bool)
    truly_more = gains.copy()
    for domain, site, gaining, losing in PLANTED:
        gains[domain, site, gaining] = truly_more[domain, site, gaining] = True
        truly_more[np.arange(4) != domain, site, losing] = True  # they have more than what lost
    power, wrong = [], []
    for seed in range(40):
        marked = found(seed, planted=0.7)
        power.append(marked[gains].mean())
        wrong.append((marked & ~truly_more).sum() / max(1, marked.sum()))
    assert np.mean(power) > 0.95
    assert np.mean(wrong) <= 0.1


def test_of_differences_at_or_below_the_least_few_are_found_and_of_larger_ones_most():
    """Documents move `planted` of the losing expert's load, which is even: at 0.5 they are just `LEAST` apart."""
    gains = np.zeros((4, 2, 8), dtype=bool)
    for domain, site, gaining, _losing in PLANTED:
        gains[domain, site, gaining] = True
    at_least = np.concatenate([p_values(seed, 0.5, LEAST)[gains] for seed in range(150)])
    assert 0.02 <= np.mean(at_least <= 0.05) <= 0.09  # 0.05 is promised; of 300, 0.09 lies beyond its 99th percentile
    smaller = [found(seed, 0.3, LEAST).any() for seed in range(60)]
    assert np.mean(smaller) <= 0.1
    assert np.mean([found(seed, 0.3)[gains].mean() for seed in range(20)]) > 0.5  # though they are no chance
    larger = [found(seed, 1.0, LEAST) for seed in range(40)]
    assert np.mean([marked[gains].mean() for marked in larger]) > 0.9
    assert np.mean([(marked & ~gains).sum() / max(1, marked.sum()) for marked in larger]) <= 0.1


def test_renumbering_experts_renumbers_the_result():
    counts, order = documents(1, 0.7), np.random.default_rng(0).permutation(8)
    rng = (np.random.default_rng(5) for _ in range(2))
    a, b = (specialist_p_values(of, LABELS, next(rng), 50, 0.0) for of in (counts, counts[..., order]))
    np.testing.assert_allclose(a[..., order], b)


def test_what_cannot_be_tested_is_nan():
    counts = documents(0)
    counts[:, 1, 7] = np.nan  # no such expert
    labels = np.where(np.arange(len(LABELS)) < 4, 4, LABELS)  # a fifth domain of four documents
    counts[20:24] = 0  # too short to have a share
    p = specialist_p_values(counts, labels, np.random.default_rng(0), 20)
    assert np.isnan(p[4]).all()
    assert np.isnan(p[:, 1, 7]).all()
    assert not np.isnan(p[:4, 0]).any()
    assert np.isnan(specialist_p_values(counts, np.zeros(96, int), np.random.default_rng(0), 5)).all()


def test_an_expert_of_one_domain_alone_is_certain():
    counts = np.zeros((20, 1, 2))
    counts[:10, 0, 0] = counts[10:, 0, 1] = 50
    p = specialist_p_values(counts, np.repeat([0, 1], 10), np.random.default_rng(1), 100)
    assert (p[0, 0, 0], p[1, 0, 1]) == (1 / 201, 1 / 201)
    assert (p[0, 0, 1], p[1, 0, 0]) == (1, 1)


def test_the_statistic_is_welchs_t():
    values = np.random.default_rng(0).normal(size=(9, 2)) ** 2
    inside = np.arange(9) < 4
    a, b = values[inside], values[~inside]
    expected = (a.mean(0) - b.mean(0)) / np.sqrt(a.var(0, ddof=1) / 4 + b.var(0, ddof=1) / 5)
    found = specialization._in_errors(*specialization._difference(inside[None].astype(float), values))
    np.testing.assert_allclose(found[0], expected)


def test_benjamini_hochberg_of_their_own_example():
    """Fifteen p-values of section 3.2 of the paper: at 0.05, the first four are discoveries."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    p += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    adjusted = benjamini_hochberg(np.array(p))
    assert (adjusted <= 0.05).sum() == 4
    assert adjusted[3] == pytest.approx(0.0095 * 15 / 4)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_adjusted_values_mark_what_the_step_up_rule_marks(p, rate):
    values = np.array([*p, np.nan])
    adjusted = benjamini_hochberg(values)
    assert np.isnan(adjusted[-1])
    passed = [k for k in range(1, len(p) + 1) if sorted(p)[k - 1] <= rate * k / len(p) * (1 + 1e-12)]
    assert (adjusted[:-1] <= rate * (1 + 1e-12)).sum() == (
        sum(value <= sorted(p)[passed[-1] - 1] for value in p) if passed else 0
    )


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    truth = load(by_domain(np.concatenate([documents(1000 + s, 0.7) for s in range(150)]), np.tile(LABELS, 150)))
    inside = []
    for seed in range(30):
        interval = load_interval(documents(seed, 0.7), LABELS, np.random.default_rng(seed), draws=100)
        inside.append(((interval.low <= truth) & (truth <= interval.high)).mean())
    assert 0.88 < np.mean(inside) < 0.98
