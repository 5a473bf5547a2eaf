"""The small mixture: its gradients, its collapse and its balance, and its process."""

import time

import numpy as np
import pytest

from moe_viz.lessons import live
from moe_viz.lessons.small_moe import EXPERTS, REPORT_EVERY, STEPS, Model, Recipe, train

SEEDS = range(4)


def loss_of(model, letters, targets, strength):
    done = model.forward(letters)
    share = np.bincount(done.chosen, minlength=EXPERTS) / len(targets)
    balance = EXPERTS * (share * done.scores.astype(np.float64).mean(axis=0)).sum()
    guess = done.guess.astype(np.float64)[np.arange(len(targets)), targets]
    return -np.log(guess).mean() + strength * balance


@pytest.mark.parametrize("name", ["letters", "mix", "router", "up", "down", "out"])
def test_gradients_are_those_of_small_changes(name):
    rng = np.random.default_rng(1)
    model = Model(rng)
    model.weights = {key: weight.astype(np.float64) for key, weight in model.weights.items()}
    letters, targets = rng.integers(128, size=(40, 5)), rng.integers(128, size=40)
    weight = model.weights[name]
    gradient = model.gradients(letters, targets, model.forward(letters), 0.7)[name]
    for at in np.argsort(-np.abs(gradient), axis=None)[[0, 1, 5, 20]]:
        before, results = weight.flat[at], []
        for change in (1e-4, -1e-4):
            weight.flat[at] = before + change
            results.append(loss_of(model, letters, targets, 0.7))
        weight.flat[at] = before
        assert gradient.flat[at] == pytest.approx((results[0] - results[1]) / 2e-4, rel=0.02, abs=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_without_balancing_it_collapses(seed):
    reports = list(train(Recipe("none", seed=seed)))
    assert len(reports) == 1 + STEPS // REPORT_EVERY
    assert reports[0].max_violation < 1.5
    assert reports[-1].max_violation > 2
    assert sum(reports[-1].loads) == pytest.approx(1)
    assert reports[-1].loss < reports[0].loss - 1


@pytest.mark.parametrize("balancing", ["loss", "bias"])
@pytest.mark.parametrize("seed", SEEDS)
def test_with_either_balancing_it_stays_even(balancing, seed):
    *_, last = train(Recipe(balancing, seed=seed))
    assert last.max_violation < 0.5
    assert last.max_violation == pytest.approx(max(last.loads) * EXPERTS - 1)


@pytest.mark.alone
def test_a_run_in_its_own_process_gives_the_same_reports_and_ends_in_time():
    began = time.monotonic()
    run = live.start(Recipe("loss", seed=3))
    run.wait()
    assert not run.running
    assert time.monotonic() - began < live.SECONDS + 5  # what a busy machine takes to start it
    expected = list(train(Recipe("loss", seed=3)))[: len(run.reports)]
    assert len(expected) > 1
    assert [report.step for report in run.reports] == [report.step for report in expected]
    assert run.reports[-1].loads == pytest.approx(expected[-1].loads, abs=1e-3)


@pytest.mark.alone
def test_a_run_can_be_stopped_and_only_so_many_run_at_once():
    runs = [live.start(Recipe("none", seed=seed)) for seed in range(live.AT_ONCE)]
    assert live.start(Recipe("none")) is None
    began = time.monotonic()
    for run in runs:
        run.stop()
        run.wait()
    assert time.monotonic() - began < 3
    assert all(len(run.reports) < 1 + STEPS // REPORT_EVERY for run in runs)
    again = live.start(Recipe("none"))
    assert again is not None
    again.stop()
    again.wait()
