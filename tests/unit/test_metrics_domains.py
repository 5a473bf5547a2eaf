"""Domain information, its interval and null, what is left given the token, and saturation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moe_viz.data.arrays import NO_EXPERT
from moe_viz.metrics.domains import (
    by_domain,
    domain_information,
    domain_specialization,
    estimated_domain_information,
    information_given_token,
    mutual_information,
)
from moe_viz.metrics.load import dead_experts
from moe_viz.metrics.saturation import router_saturation


def test_information_of_hand_made_tables():
    assert mutual_information(np.array([[2.0, 4], [3, 6]])) == pytest.approx(0)
    assert mutual_information(7 * np.eye(8)) == pytest.approx(3)
    assert mutual_information(np.zeros((3, 3))) == 0
    assert mutual_information(np.array([[1.0, 1, 0, 0], [0, 0, 1, 1]])) == pytest.approx(1)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_information_is_the_entropy_that_knowing_the_domain_removes(seed):
    counts = np.random.default_rng(seed).integers(0, 9, size=(4, 6)).astype(float)
    counts[:, 0] += 1

    def entropy(shares: np.ndarray) -> float:
        return -sum(p * np.log2(p) for p in shares if p > 0)

    joint = counts / counts.sum()
    rows = joint.sum(axis=1)
    conditional = sum(w * entropy(row / w) for w, row in zip(rows, joint, strict=True))
    assert mutual_information(counts) == pytest.approx(entropy(joint.sum(axis=0)) - conditional, abs=1e-12)


def test_domains_weigh_the_same_however_long_they_are():
    counts = np.array([[[8.0, 0]], [[0, 8.0]]])
    longer = counts * np.array([1000, 1])[:, None, None]
    assert domain_information(counts) == pytest.approx(1)
    assert domain_information(longer) == pytest.approx(1)


def test_documents_add_up_to_their_domains():
    counts = np.arange(24.0).reshape(4, 2, 3)
    sums = by_domain(counts, np.array([1, 0, 1, 1]))
    assert (sums[0] == counts[1]).all()
    assert (sums[1] == counts[0] + counts[2] + counts[3]).all()


def test_specialization_is_the_share_of_a_domains_tokens():
    tokens_taken = np.array([[[10.0, 6, 4]], [[1, 2, 3]]])  # 10 tokens with two experts each, and 3
    shares = domain_specialization(tokens_taken, top_k=2)
    np.testing.assert_allclose(shares[:, 0], [[1, 0.6, 0.4], [1 / 3, 2 / 3, 1]])


def documents(effect: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts of 60 documents in 3 domains at two sites; at the second the domain shifts the experts."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], 20)
    counts = np.empty((60, 2, 4))
    for document, label in enumerate(labels):
        own = rng.dirichlet([5] * 4)  # documents differ, whatever their domain
        shifted = own + effect * np.eye(4)[label]
        counts[document] = [rng.multinomial(100, own), rng.multinomial(100, shifted / shifted.sum())]
    return counts, labels


def test_the_interval_holds_the_truth_and_the_null_what_chance_leaves():
    truth = domain_information(by_domain(*documents_of_many()))[1]
    inside = 0
    for seed in range(20):
        counts, labels = documents(1.0, seed)
        found = estimated_domain_information(counts, labels, np.random.default_rng(seed))
        inside += found.low[1] <= truth <= found.high[1]
        assert found.null_largest[1] < found.low[1]  # a real effect stands clear of its null
        assert found.value[0] < 1.5 * found.null_largest[0]  # and none does not
    assert inside >= 16


def documents_of_many() -> tuple[np.ndarray, np.ndarray]:
    parts = [documents(1.0, 1000 + seed) for seed in range(100)]
    return np.concatenate([counts for counts, _ in parts]), np.concatenate([labels for _, labels in parts])


def test_the_mean_over_sites_has_an_interval_of_its_own():
    counts, labels = documents(1.0, 3)
    each = estimated_domain_information(counts, labels, np.random.default_rng(0))
    mean = estimated_domain_information(counts, labels, np.random.default_rng(0), over_sites=True)
    assert mean.value == pytest.approx([each.value.mean()])
    assert mean.low[0] < mean.value[0] < mean.high[0]
    assert mean.high[0] - mean.low[0] < (each.high - each.low)[1]


def test_nothing_is_left_given_the_token_when_the_token_decides():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 3000)
    tokens = np.where(rng.random(6000) < np.where(labels == 0, 0.8, 0.2), 5, 9)
    by_token = information_given_token((tokens == 5).astype(int), tokens, labels, rng)
    assert by_token.bits == pytest.approx(0, abs=1e-12)
    assert (by_token.tokens, by_token.share_of_text) == (2, 1)
    by_label = information_given_token(labels.copy(), tokens, labels, rng)
    assert by_label.bits == pytest.approx(-0.8 * np.log2(0.8) - 0.2 * np.log2(0.2), abs=0.02)
    assert by_label.null_mean < 0.01


def test_rare_tokens_are_left_out_of_the_control():
    tokens = np.array([1] * 200 + [2] * 199)
    found = information_given_token(np.zeros(399, int), tokens, np.zeros(399, int), np.random.default_rng(0))
    assert (found.tokens, found.share_of_text) == (1, 200 / 399)


def test_dead_experts_are_below_a_tenth_of_uniform():
    assert dead_experts(np.array([[96.0, 96, 96, 7], [98, 98, 98, 8], [1, 0, 0, 0]])).tolist() == [1, 0, 3]


def test_saturation_of_hand_made_choices():
    final = np.array([[0, 1], [2, 3], [4, 5]])
    assert router_saturation(final[:, ::-1], final) == 1  # the order within a token says nothing
    assert router_saturation(np.array([[1, 7], [2, 3], [6, 7]]), final) == pytest.approx(3 / 6)
    with_empty = np.array([[0, NO_EXPERT], [2, 3], [4, 5]])
    assert router_saturation(with_empty, with_empty) == 1
    assert router_saturation(np.full((3, 2), NO_EXPERT), with_empty) == 0


def test_saturation_of_random_choices_is_top_k_of_experts():
    rng = np.random.default_rng(0)
    early, late = (rng.permuted(np.tile(np.arange(16), (20_000, 1)), axis=1)[:, :2] for _ in range(2))
    assert router_saturation(early, late) == pytest.approx(2 / 16, abs=0.005)
