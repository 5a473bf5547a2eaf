"""The numbers of "What people get wrong", worked out again from the recordings."""

import numpy as np
import pytest

from moe_viz.lessons.myths import facts, shares_of_expert
from moe_viz.lessons.recorded import recording


def test_the_expert_that_comes_closest_to_a_topic():
    known, lapse = facts(), recording()
    own = lapse.counts[-1][lapse.text_domain == lapse.domains.index(known.domain)].astype(float).sum(axis=0)
    tokens = own[0].sum() / 2  # two experts a token
    assert known.share == pytest.approx(own[known.layer, known.expert] / tokens)
    assert known.share == pytest.approx(shares_of_expert().max())
    assert known.kinds == (shares_of_expert() > known.even).sum() - 1


def test_information_is_what_entropies_give():
    """I(domain; expert) = H(expert) − H(expert | domain), domains weighing the same."""
    known, lapse = facts(), recording()
    for frame, expected in ((-1, known.bits), (0, known.random_bits)):
        shares = np.stack([lapse.counts[frame][lapse.text_domain == d].sum(axis=0) for d in range(len(lapse.domains))])
        p = shares / shares.sum(axis=-1, keepdims=True)

        def entropy(q):
            return -(q * np.log2(np.where(q > 0, q, 1))).sum(axis=-1)

        assert (entropy(p.mean(axis=0)) - entropy(p).mean(axis=0)).mean() == pytest.approx(expected, rel=1e-6)


def test_dead_experts_get_less_than_a_tenth_of_an_even_share():
    known, twin = facts(), recording("unbalanced")
    shares = np.stack([twin.counts[-1][twin.text_domain == d].sum(axis=0) for d in range(len(twin.domains))])
    load = (shares / shares.sum(axis=-1, keepdims=True)).mean(axis=0)
    assert known.dead == (load < 0.1 / load.shape[1]).sum()
    assert known.experts == load.size
