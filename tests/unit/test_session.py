"""What a session looks at while a text is continued, and how much of it is kept."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

from moe_viz.errors import EngineError
from moe_viz.model.running.sampling import Sampling
from moe_viz.ui.session.memory_budget import Evictable, MemoryBudget
from moe_viz.ui.session.text_session import Continuation, TextRequest, TextSession
from moe_viz.ui.session.trace_view import TraceView
from tests.invented import make_trace

HOW = TextRequest("a text", Continuation(6, Sampling(), chat=False))


class Work:
    """A job, and the engine that gives it, as a session sees them."""

    def __init__(self):
        self.state, self.error, self.end = "waiting", None, None
        self.generated, self.max_new_tokens, self.read = 0, 6, None
        self.stopping = threading.Event()

    def generate(self, text, owner, **how):
        self.asked = (text, owner, how)
        return self

    def trace(self):
        return self.read

    def stop(self):
        self.stopping.set()

    def goes_on(self, generated: int, **options) -> None:
        self.state, self.generated = "running", generated
        self.read = make_trace(tokens=4 + generated, generated=generated, **options)

    def ends(self, end: str) -> None:
        self.state, self.end = ("stopped" if end == "stopped" else "ended"), end


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Every moment is shown, however soon it comes after the one before."""
    monkeypatch.setattr("moe_viz.ui.session.text_session._BYTES_A_SECOND", 1e12)


@pytest.fixture
def own():
    return TextSession()


@pytest.fixture
def job(own):
    work = Work()
    own.begin(work, HOW)
    return work


def test_the_engine_is_asked_for_what_was_set(own, job):
    assert job.asked == ("a text", own.owner, {"max_new_tokens": 6, "sampling": Sampling(), "chat": False})


def test_what_was_there_stays_until_the_first_token(own):
    own.show(before := TraceView(make_trace(), "measured", None), TextRequest("before"))
    own.begin(job := Work(), HOW)
    assert own.look()
    assert own.view is before
    assert own.asked == TextRequest("before")
    job.goes_on(0)
    assert own.look()
    assert own.view.trace is job.read
    assert own.asked is HOW


def test_every_moment_is_of_one_stream_and_the_last_needs_no_more_room(own, job):
    moments = []
    for generated in (0, 2, 5):
        job.goes_on(generated)
        assert own.look()
        moments.append(own.view)
    assert [len(shown.trace) for shown in moments] == [4, 6, 9]
    assert {shown.expected for shown in moments} == {10}
    job.ends("end of text")
    assert not own.look()
    assert own.view.trace is job.read
    assert own.view.expected == 0
    assert {shown.stream for shown in moments} == {own.view.stream}
    assert own.job is None
    assert own.ended is job


def test_the_last_tokens_are_never_missed(own, job, monkeypatch):
    """However seldom a long trace is shown anew, its end is."""
    monkeypatch.setattr("moe_viz.ui.session.text_session._BYTES_A_SECOND", 1e-6)
    job.goes_on(1)
    own.look()
    job.goes_on(4)
    own.look()
    assert len(own.view.trace) == 5
    job.ends("length")
    own.look()
    assert len(own.view.trace) == 8


def test_nothing_is_made_anew_while_nothing_comes(own, job):
    job.goes_on(3)
    own.look()
    first = own.view
    own.look()
    assert own.view is first


def test_two_continuations_are_two_streams(own, job):
    job.goes_on(1)
    own.look()
    one = own.view.stream
    own.begin(other := Work(), HOW)
    assert job.stopping.is_set()
    other.goes_on(1)
    own.look()
    assert own.view.stream != one


def test_a_failure_keeps_what_there_was(own, job):
    job.goes_on(3)
    own.look()
    job.state, job.error = "failed", EngineError("the device ran out of memory")
    assert not own.look()
    assert own.failure == "the device ran out of memory"
    assert len(own.view.trace) == 7


def test_an_expert_keeps_its_colour_while_a_text_grows(own, job):
    """Of many experts the busiest have a colour: those that were and still are keep theirs."""
    job.goes_on(0, experts=64, top_k=4)
    own.look()
    for generated in (2, 3, 6):
        before = own.view.colours
        job.goes_on(generated, experts=64, top_k=4, seed=generated)
        own.look()
        now = own.view.colours
        both = (before != 255) & (now != 255)
        assert both.any()
        assert (before[both] == now[both]).all()
        for row, ids in zip(now, own.view.trace.expert_ids, strict=True):
            load = np.bincount(ids.ravel(), minlength=64)
            assert load[row != 255].min() >= load[row == 255].max()
            assert len(set(row[row != 255])) == min(16, (load > 0).sum())


def held(size: int) -> Evictable:
    holder = Evictable()
    holder.view = TraceView(make_trace(tokens=size), "measured", None)
    return holder


def test_the_least_recently_seen_lets_go_first():
    holders = [held(50) for _ in range(4)]
    budget = MemoryBudget(lambda: int(3.5 * holders[0].view.bytes))
    for holder in (*holders[:3], holders[0], holders[3]):
        budget.touch(holder)
    assert [holder.view is None for holder in holders] == [False, True, False, False]


def test_the_last_one_seen_stays_however_large_and_who_is_gone_takes_no_room():
    small, large = held(5), held(500)
    budget = MemoryBudget(lambda: 10)
    budget.touch(small)
    budget.touch(large)
    assert small.view is None
    assert large.view is not None
    other = MemoryBudget(lambda: large.view.bytes + 10)
    other.touch(large)
    gone = held(500)
    other.touch(gone)
    assert large.view is None
    large = held(500)
    del gone
    gc.collect()
    other.touch(large)
    other.touch(Evictable())
    assert large.view is not None


def test_arrays_texts_and_what_is_sent_count():
    trace = make_trace(tokens=100, experts=32)
    shown = TraceView(trace, "measured", None)
    arrays = trace.expert_ids.nbytes + trace.gate_weights.nbytes + trace.router_logits.nbytes
    least = arrays + len(shown.payload)
    assert least < shown.bytes < least + 60_000
    before = shown.bytes
    assert shown.experts is not None
    assert shown.bytes > before


def test_what_is_let_go_is_gone_and_its_work_is_stopped(own, job):
    job.goes_on(2)
    own.look()
    trace = weakref.ref(own.view.trace)
    job.read = None
    own.evict()
    gc.collect()
    assert trace() is None
    assert own.gone
    assert job.stopping.is_set()
    with pytest.raises(EngineError, match="measure it again"):
        own.file()
