"""One worker, one model: order, limits, what it tells."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import moe_viz
from moe_viz.engine import Engine
from moe_viz.engine.fair_queue import FairQueue
from moe_viz.errors import EngineError
from tests.agreement import assert_agree
from tests.model.engines import limits, until


def test_a_trace_is_the_models_own(demo_engine):
    with moe_viz.load() as model:
        assert_agree(demo_engine.trace("def area(r):"), model.trace("def area(r):"))


def test_many_threads_get_their_own_text_back(demo_engine):
    texts = [f"text number {i}: " + "word " * (i % 7) for i in range(60)]
    with ThreadPoolExecutor(16) as pool:
        traces = list(pool.map(lambda text: demo_engine.trace(text, owner=text), texts))
    assert [trace.text for trace in traces] == texts
    for text, trace in zip(texts[:7], traces, strict=False):
        assert_agree(trace, demo_engine.trace(text))


def test_the_info_counts_weights_from_the_config(demo_engine):
    info = demo_engine.info()
    hidden, inner, experts, k, layers = 192, 192, 16, 2, 6
    one_expert = 3 * hidden * inner
    attention = hidden * 192 * 2 + hidden * 96 * 2 + 2 * 32  # q, o; k, v; norms of q and k
    outside = 8192 * hidden + hidden + layers * (attention + 2 * hidden + experts * hidden)
    assert info.count.total == outside + layers * experts * one_expert
    assert info.count.active == outside + layers * k * one_expert
    assert (len(info.sites), info.count.layers, info.context) == (6, 6, 1024)


def test_too_long_a_text_is_refused_with_its_length(demo_engine):
    with pytest.raises(moe_viz.InputError, match=r"has 1,501 tokens; this model reads at most 1,024"):
        demo_engine.trace(" a" * 1501)
    with pytest.raises(moe_viz.InputError, match=r"1,000,000 characters; at most 262,144"):
        demo_engine.trace("x" * 1_000_000)
    assert len(demo_engine.trace("still here")) > 0


def test_other_work_has_its_turn_and_its_failure_stays_its_own(demo_engine):
    names = demo_engine.use(
        lambda model: (threading.current_thread().name, model.trace("some text").text), "me"
    ).result(30)
    assert names == ("moe_viz-engine", "some text")
    failing = demo_engine.use(lambda _model: 1 / 0)
    with pytest.raises(EngineError, match="ZeroDivisionError"):
        failing.result(30)
    assert demo_engine.trace("still here").text == "still here"


def test_texts_are_answered_before_other_work_that_came_with_them(demo_engine):
    held, order = threading.Event(), []
    demo_engine.use(lambda _model: held.wait(30), "a")
    work = demo_engine.use(lambda _model: order.append("work"), "a")
    text = demo_engine.submit("a text", "b")
    text.add_done_callback(lambda _answer: order.append("text"))
    held.set()
    work.result(30)
    assert order == ["text", "work"]


def test_the_engines_own_limit_holds_where_the_model_states_none():
    running = Engine(moe_viz.load, limits(max_tokens=8))
    with pytest.raises(moe_viz.InputError, match="at most 8 are traced at once"):
        running.trace("one two three four five six seven eight nine ten")
    with pytest.raises(moe_viz.InputError, match="513 new tokens were asked for; at most 512"):
        running.generate("a", max_new_tokens=513)
    running.close()


def test_texts_that_wait_are_read_together_and_each_is_as_if_alone(gate):
    running = Engine(lambda progress: gate.model)
    running.info()
    first = running.submit("the text that the others wait behind")
    until(lambda: gate.passes == 1)
    texts = [f"text number {i}: " + "word " * (3 * i % 11) for i in range(7)]
    answers = [running.submit(text, owner=text) for text in texts]
    gate.open.set()
    assert first.result().text.startswith("the text")
    traces = [answer.result() for answer in answers]
    assert running.status().batches == (1, 7)
    with moe_viz.load() as model:
        for text, trace in zip(texts, traces, strict=True):
            alone = model.trace(text)
            assert_agree(trace, alone)
            assert trace.tokens == alone.tokens
    running.close()


def test_a_long_text_does_not_make_short_ones_as_long(gate):
    running = Engine(lambda progress: gate.model, limits(batch_tokens=600))
    first = running.submit("a")
    until(lambda: gate.passes == 1)
    answers = [running.submit(text, owner=text[0]) for text in ("b", "c" + " d" * 500, "e f")]
    gate.open.set()
    assert [len(answer.result()) for answer in (first, *answers)] == [1, 1, 501, 2]
    assert running.status().batches == (1, 2, 1)
    running.close()


def test_a_full_queue_turns_requests_away_and_recovers(gate):
    running = Engine(lambda progress: gate.model, limits(max_waiting=3, session_requests=2))
    first = running.submit("the one that runs")
    until(lambda: gate.passes == 1)
    waiting = [running.submit("text 0", "one"), running.submit("text 1", "one")]
    with pytest.raises(EngineError, match="2 of your requests are waiting already"):
        running.submit("a third of one session", "one")
    waiting.append(running.submit("text 2", "two"))
    with pytest.raises(EngineError, match="3 requests are waiting already; try again in a moment"):
        running.submit("one too many", "three")
    assert running.status().refused == 2
    gate.open.set()
    assert [answer.result().text for answer in (first, *waiting)] == ["the one that runs", "text 0", "text 1", "text 2"]
    assert running.trace("there is room again").text == "there is room again"
    running.close()


def test_sessions_take_turns():
    queue = FairQueue(100, 50)
    for number in range(20):
        queue.put("greedy", f"greedy {number}")
    queue.put("modest", "modest 0")
    queue.put("third", "third 0")
    queue.remove("greedy 1")
    queue.remove("nobody's")
    assert queue.peek() == "greedy 0"
    assert [queue.take() for _ in range(5)] == ["greedy 0", "modest 0", "third 0", "greedy 2", "greedy 3"]
    assert len(queue) == len(queue.drain()) == 16
    assert queue.take() is None


def test_a_request_may_be_withdrawn_while_it_waits(gate):
    running = Engine(lambda progress: gate.model)
    first = running.submit("a")
    until(lambda: gate.passes == 1)
    withdrawn, kept = running.submit("b"), running.submit("c")
    assert withdrawn.cancel()
    gate.open.set()
    assert (first.result().text, kept.result().text) == ("a", "c")
    assert running.status().answered == 2
    running.close()


def test_a_loaded_model_is_spared_by_the_collector_and_idle_threads_do_not_spin(demo_engine):
    import gc
    import os

    demo_engine.info()
    assert gc.get_freeze_count() > 100_000
    assert os.environ["OMP_WAIT_POLICY"] == "passive"


def test_the_log_has_no_text_of_anybody(demo_engine, caplog):
    with caplog.at_level("INFO", "moe_viz"):
        demo_engine.trace("a secret of mine")
        job = demo_engine.generate("another secret", max_new_tokens=3)
        until(lambda: job.state == "ended")
    events = [record.message for record in caplog.records]
    assert any('"event": "pass"' in event for event in events)
    assert any('"event": "step"' in event for event in events)
    assert "secret" not in "".join(events)
