"""The numbers of "Do experts specialise?", worked out again from the recorded profile's counts."""

import numpy as np
import pytest

from moe_viz.demo import TRAINING as DEMO
from moe_viz.lessons.specialise import most_own, taken_besides, work_by_domain
from moe_viz.metrics.specialists import Specialists, find_specialists
from moe_viz.profiles.expert_profile import ExpertProfile


@pytest.fixture(scope="module")
def profile():
    return ExpertProfile.load(DEMO.parent / "probes.moeprofile")


@pytest.fixture(scope="module")
def found(profile):
    return find_specialists(profile, np.random.default_rng(0))


@pytest.fixture(scope="module")
def shares(profile):
    """By (domain, site, expert), from the counts of single documents."""
    totals = {}
    for block, group in enumerate(profile.block_group):
        domain = profile.domains.index(profile.groups[group].domain)
        taken, tokens = totals.setdefault(domain, (0, 0))
        totals[domain] = taken + profile.block_selections[block], tokens + profile.block_tokens[block]
    return np.stack([taken / tokens for taken, tokens in (totals[d] for d in range(len(profile.domains)))])


def test_the_expert_most_a_kinds_own_stands_out_most(found, shares):
    owned = most_own(found)
    assert sorted(own.domain for own in owned) == list(range(len(shares)))
    assert [own.difference for own in owned] == sorted((own.difference for own in owned), reverse=True)
    for own in owned:
        others = np.delete(shares, own.domain, axis=0).mean(axis=0)
        differences = shares[own.domain] - others
        assert (own.site, own.expert) == np.unravel_index(differences.argmax(), differences.shape)
        assert own.share == pytest.approx(shares[own.domain, own.site, own.expert])
        assert own.others == pytest.approx(others[own.site, own.expert])
        assert own.low <= own.difference <= own.high
        assert own.work == pytest.approx(own.share / shares[:, own.site, own.expert].sum())


def test_whom_the_expert_serves_besides(found, shares):
    even = 2 / 16
    for own in most_own(found):
        column = shares[:, own.site, own.expert]
        besides = taken_besides(found, own, even)
        assert set(besides) == {d for d in range(len(column)) if column[d] > even} - {own.domain}
        assert [column[d] for d in besides] == sorted((column[d] for d in besides), reverse=True)


def test_an_experts_work_is_shared_out_among_the_kinds(found):
    assert work_by_domain(found).sum(axis=0) == pytest.approx(np.ones((6, 16)))
    idle = Specialists(*(np.zeros((2, 1, 3)) for _ in range(5)), least=np.zeros(1))
    assert not work_by_domain(idle).any()


def test_what_the_lesson_says_in_words_holds_of_the_recording(profile, found):
    """The sentences that no number is filled into."""
    work = work_by_domain(found).max(axis=0)
    assert (work > 0.5).sum() == 0  # "as a name for an expert it fails"
    assert max(own.share for own in most_own(found)) > 0.95  # "nearly every token"
    maths = profile.domains.index("math_steps")
    own = next(own for own in most_own(found) if own.domain == maths)
    assert own.work < 0.5  # "only"
    first, *_ = taken_besides(found, own, 2 / 16)
    assert found.use[first, own.site, own.expert] > own.share  # it takes more of another kind
