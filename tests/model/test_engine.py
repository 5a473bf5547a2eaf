"""One worker, one model: order, limits, failures that stay local."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import moe_viz
from moe_viz import engine as engine_module
from moe_viz.engine import Engine, EngineError


@pytest.fixture(scope="module")
def demo():
    running = Engine(moe_viz.load)
    yield running
    running.close()


def test_a_trace_is_the_models_own(demo):
    with moe_viz.load() as model:
        alone = model.trace("def area(r):")
    asked = demo.trace("def area(r):")
    assert (asked.expert_ids == alone.expert_ids).all()
    assert (asked.gate_weights == alone.gate_weights).all()


def test_many_threads_get_their_own_text_back(demo):
    texts = [f"text number {i}: " + "word " * (i % 7) for i in range(60)]
    with ThreadPoolExecutor(16) as pool:
        traces = list(pool.map(demo.trace, texts))
    assert [trace.text for trace in traces] == texts
    for text, trace in zip(texts[:7], traces, strict=False):
        assert (trace.expert_ids == demo.trace(text).expert_ids).all()


def test_the_info_counts_weights_from_the_config(demo):
    info = demo.info()
    hidden, inner, experts, k, layers = 192, 192, 16, 2, 6
    one_expert = 3 * hidden * inner
    attention = hidden * 192 * 2 + hidden * 96 * 2 + 2 * 32  # q, o; k, v; norms of q and k
    outside = 8192 * hidden + hidden + layers * (attention + 2 * hidden + experts * hidden)
    assert info.count.total == outside + layers * experts * one_expert
    assert info.count.active == outside + layers * k * one_expert
    assert (len(info.sites), info.count.layers, info.context) == (6, 6, 1024)


def test_too_long_a_text_is_refused_with_its_length(demo):
    with pytest.raises(moe_viz.InputError, match=r"has 1,501 tokens; this model reads at most 1,024"):
        demo.trace(" a" * 1501)
    with pytest.raises(moe_viz.InputError, match=r"1,000,000 characters; at most 262,144"):
        demo.trace("x" * 1_000_000)
    assert len(demo.trace("still here")) > 0


def test_the_engines_own_limit_holds_where_the_model_states_none(demo, monkeypatch):
    monkeypatch.setattr(engine_module, "MAX_TOKENS", 8)
    with pytest.raises(moe_viz.InputError, match="at most 8 are traced at once"):
        demo.trace("one two three four five six seven eight nine ten")


def test_a_model_that_fails_in_the_middle_answers_and_serves_the_next():
    with moe_viz.load() as model:
        running = Engine(lambda: model)
        healthy = model.hf_model.forward
        model.hf_model.forward = lambda *_a, **_k: 1 / 0
        with pytest.raises(EngineError, match=r"the model failed on this text \(ZeroDivisionError"):
            running.trace("a")
        model.hf_model.forward = healthy
        assert len(running.trace("a")) == 1
        running.close()


def test_a_model_that_cannot_be_loaded_says_why_to_every_request():
    running = Engine(lambda: moe_viz.load("no-such-model"))
    for ask in (running.info, lambda: running.trace("a")):
        with pytest.raises(moe_viz.ModelError, match="there is no model 'no-such-model'"):
            ask()
    assert running.state == "failed"


def test_an_unexpected_fault_while_loading_is_a_sentence_too():
    running = Engine(lambda: 1 / 0)
    with pytest.raises(EngineError, match=r"could not be loaded \(ZeroDivisionError"):
        running.info()


def test_a_full_queue_turns_requests_away_and_recovers(monkeypatch):
    monkeypatch.setattr(engine_module, "MAX_WAITING", 3)
    may_load = threading.Event()

    def load():
        may_load.wait()
        return moe_viz.load()

    running = Engine(load)
    assert running.state == "loading"
    waiting = [running.submit(f"text {i}") for i in range(3)]
    with pytest.raises(EngineError, match="3 requests are waiting already"):
        running.submit("one too many")
    may_load.set()
    assert [answer.result().text for answer in waiting] == ["text 0", "text 1", "text 2"]
    assert running.trace("there is room again").text == "there is room again"
    running.close()


def test_a_closed_engine_says_so_however_often_it_is_asked(monkeypatch):
    monkeypatch.setattr(engine_module, "MAX_WAITING", 2)
    running = Engine(moe_viz.load)
    running.info()
    running.close()
    for _ in range(4):
        with pytest.raises(EngineError, match="was unloaded"):
            running.trace("a")


def test_requests_that_wait_when_the_engine_closes_are_refused():
    may_load = threading.Event()

    def load():
        may_load.wait()
        return moe_viz.load()

    running = Engine(load)
    outcome = []

    def ask():
        try:
            running.trace("a")
        except EngineError as error:
            outcome.append(str(error))

    asking = threading.Thread(target=ask)
    asking.start()
    while running._worker._work_queue.qsize() < 2:
        pass
    running.close()
    may_load.set()
    asking.join(30)
    assert outcome == ["this model was unloaded; load it again"]
