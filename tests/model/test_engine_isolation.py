"""Whatever is asked at once, stopped and refused, everybody gets their own, and nothing is left."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError
from functools import cache

import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

import moe_viz
from moe_viz.engine import Engine
from moe_viz.model.running.sampling import Sampling
from tests.agreement import assert_agree

TEXTS = ("def area(r):", "The river", "1. e4 e5 2. Nf3", "a", "Once upon a time there was a king who", "春眠不觉晓")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["trace", "trace and cancel", "blank", "too long", "generate", "generate and stop", "wait"]),
        st.integers(0, len(TEXTS) - 1),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=14,
)


@pytest.fixture(scope="module")
def model():
    with moe_viz.load() as loaded:
        yield loaded


@pytest.fixture(scope="module")
def alone(model):
    @cache
    def trace(text: str) -> moe_viz.RoutingTrace:
        return model.trace(text)

    @cache
    def continued(text: str) -> moe_viz.RoutingTrace:
        *_, last = model.generate(text, max_new_tokens=8, seed=1)
        return last

    for text in TEXTS:  # before the engine has the model
        trace(text), continued(text)
    return trace, continued


@pytest.fixture(scope="module")
def running(model, alone):
    engine = Engine(lambda progress: model)
    yield engine
    engine.close()


@tries(max_examples=25, deadline=None)
@given(steps=STEPS)
def test_requests_in_any_order_do_not_mix(running, alone, steps):
    trace, continued = alone
    answers, refused, jobs = [], [], []
    for what, which, owner in steps:
        text = TEXTS[which]
        if what.startswith("trace"):
            answers.append((text, running.submit(text, str(owner))))
            if what == "trace and cancel":
                answers[-1][1].cancel()
        elif what == "blank":
            refused.append(running.submit("  ", str(owner)))
        elif what == "too long":
            refused.append(running.submit(" a" * 1500, str(owner)))
        elif what.startswith("generate"):
            jobs.append((text, running.generate(text, str(owner), max_new_tokens=8, sampling=Sampling(seed=1))))
            if what == "generate and stop":
                jobs[-1][1].stop()
        else:
            time.sleep(0.01 * which)
    for text, answer in answers:
        try:
            assert_agree(answer.result(30), trace(text))
        except CancelledError:
            assert answer.cancelled()
    for answer in refused:
        with pytest.raises(moe_viz.InputError):
            answer.result(30)
    for text, job in jobs:
        end = time.monotonic() + 30
        while job.state in ("waiting", "running"):
            assert time.monotonic() < end
            time.sleep(0.002)
        assert job.state in ("ended", "stopped")
        if (grown := job.trace()) is not None:
            assert_agree(grown, continued(text), len(grown))
    end = time.monotonic() + 30
    while running.status().waiting or running.status().waiting_generations:  # what was cancelled goes in its turn
        assert time.monotonic() < end
        time.sleep(0.002)
    assert running.status().restarts == 0


def test_nothing_is_left_of_a_closed_engine():
    before = threading.active_count()
    model = moe_viz.load()
    engine = Engine(lambda progress: model)
    jobs = [engine.generate("Once upon a time", str(i), max_new_tokens=500) for i in range(3)]
    while not jobs[0].generated:
        time.sleep(0.002)
    engine.close()
    end = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() == before
    assert all(job.state == "failed" and "unloaded" in str(job.error) for job in jobs)
    assert len(jobs[0].trace()) > 0, "what was generated stays"
    assert not any("forward" in vars(module) for module in model.hf_model.modules())
