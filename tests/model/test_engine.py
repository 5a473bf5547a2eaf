"""One worker, one model: order, limits, failures that stay local."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

import moe_viz
from moe_viz.engine import Engine
from moe_viz.engine.fair_queue import FairQueue
from moe_viz.errors import EngineError
from moe_viz.model.progress import LoadProgress
from moe_viz.model.sampling import Sampling
from moe_viz.settings import settings


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
        traces = list(pool.map(lambda text: demo.trace(text, owner=text), texts))
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


def test_other_work_has_its_turn_and_its_failure_stays_its_own(demo):
    names = demo.use(lambda model: (threading.current_thread().name, model.trace("some text").text), "me").result(30)
    assert names == ("moe_viz-engine", "some text")
    failing = demo.use(lambda _model: 1 / 0)
    with pytest.raises(EngineError, match="ZeroDivisionError"):
        failing.result(30)
    assert demo.trace("still here").text == "still here"


def test_texts_are_answered_before_other_work_that_came_with_them(demo):
    held, order = threading.Event(), []
    demo.use(lambda _model: held.wait(30), "a")
    work = demo.use(lambda _model: order.append("work"), "a")
    text = demo.submit("a text", "b")
    text.add_done_callback(lambda _answer: order.append("text"))
    held.set()
    work.result(30)
    assert order == ["text", "work"]


def limits(**own):
    return replace(settings(), **own)


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.002)


class Gate:
    """A model that is loaded at once, but runs only while the gate is open."""

    def __init__(self):
        self.model = moe_viz.load()
        self.open = threading.Event()
        self.passes = 0
        forward = self.model.hf_model.forward

        def gated(*args, **kwargs):
            self.passes += 1
            assert self.open.wait(60)
            return forward(*args, **kwargs)

        self.model.hf_model.forward = gated


@pytest.fixture
def gate():
    return Gate()


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
            np.testing.assert_array_equal(trace.expert_ids, alone.expert_ids)
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


def test_one_text_that_the_model_fails_on_does_not_fail_those_read_with_it(gate):
    running = Engine(lambda progress: gate.model)
    forward = gate.model.hf_model.forward

    def fails_on_seven_tokens(*args, input_ids, **kwargs):
        mask = kwargs.get("attention_mask")
        lengths = mask.sum(dim=1) if mask is not None else torch.tensor([input_ids.shape[1]])
        if 7 in lengths.tolist():
            raise ZeroDivisionError
        return forward(*args, input_ids=input_ids, **kwargs)

    gate.model.hf_model.forward = fails_on_seven_tokens
    first = running.submit("a")
    until(lambda: gate.passes == 1)
    answers = [running.submit(" a" * count, owner=str(count)) for count in (5, 7, 9)]
    gate.open.set()
    assert len(first.result()) == 1
    assert len(answers[0].result()) == 5
    assert len(answers[2].result()) == 9
    with pytest.raises(EngineError, match=r"the model failed on this text \(ZeroDivisionError"):
        answers[1].result()
    assert running.status().failed == 1
    running.close()


def test_a_model_that_fails_in_the_middle_answers_and_serves_the_next():
    with moe_viz.load() as model:
        running = Engine(lambda progress: model)
        healthy = model.hf_model.forward
        model.hf_model.forward = lambda *_a, **_k: 1 / 0
        with pytest.raises(EngineError, match=r"the model failed on this text \(ZeroDivisionError"):
            running.trace("a")
        model.hf_model.forward = healthy
        assert len(running.trace("a")) == 1
        running.close()


def test_out_of_memory_is_a_sentence_and_the_next_request_works():
    with moe_viz.load() as model:
        running = Engine(lambda progress: model)
        healthy = model.hf_model.forward

        def full(*_a, **_k):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

        model.hf_model.forward = full
        with pytest.raises(EngineError, match="ran out of memory on a text of 1 tokens; try one of half the length"):
            running.trace("a")
        model.hf_model.forward = healthy
        assert len(running.trace("a")) == 1
        running.close()


def test_a_model_that_cannot_be_loaded_says_why_to_every_request():
    running = Engine(lambda progress: moe_viz.load("no-such-model"))
    for ask in (running.info, lambda: running.trace("a"), lambda: running.generate("a")):
        with pytest.raises(moe_viz.MoeVizError, match="there is no model 'no-such-model'"):
            ask()
    assert running.state == "failed"


def test_an_unexpected_fault_while_loading_is_a_sentence_too():
    running = Engine(lambda progress: 1 / 0)
    with pytest.raises(EngineError, match=r"could not be loaded \(ZeroDivisionError"):
        running.info()


def test_loading_tells_how_far_it_is_and_ends_when_nobody_wants_it_any_more():
    stages, go_on = [], threading.Event()

    def load(progress):
        progress(LoadProgress("downloading", 5, 10))
        stages.append("downloading")
        assert go_on.wait(10)
        progress(LoadProgress("downloading", 6, 10))
        stages.append("more")

    running = Engine(load)
    until(lambda: stages)
    assert running.progress == LoadProgress("downloading", 5, 10)
    running.close()
    go_on.set()
    with pytest.raises(EngineError, match="was unloaded"):
        running.info()
    assert stages == ["downloading"]


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


def test_a_closed_engine_says_so_however_often_it_is_asked():
    running = Engine(moe_viz.load)
    running.info()
    running.close()
    for _ in range(4):
        with pytest.raises(EngineError, match="was unloaded"):
            running.trace("a")
    with pytest.raises(EngineError, match="was unloaded"):
        running.generate("a")


def test_requests_that_wait_when_the_engine_closes_are_refused(gate):
    running = Engine(lambda progress: gate.model)
    first = running.submit("it is being read")
    until(lambda: gate.passes == 1)
    waiting, job = running.submit("it waits"), running.generate("it waits too")
    running.close()
    gate.open.set()
    assert first.result().text == "it is being read"
    with pytest.raises(EngineError, match="was unloaded"):
        waiting.result()
    assert job.state == "failed"
    assert "was unloaded" in str(job.error)


def test_a_worker_that_fails_begins_anew_and_says_so(gate, monkeypatch):
    running = Engine(lambda progress: gate.model)
    gate.open.set()
    job = running.generate("def area", max_new_tokens=500)
    until(lambda: job.generated > 2)

    def dies(*_a):
        monkeypatch.undo()
        raise SystemExit("as a thread can be ended")

    monkeypatch.setattr("moe_viz.engine.worker.serve", dies)
    with pytest.raises(EngineError, match=r"the worker failed \(SystemExit: .*\) and began anew; try again"):
        running.trace("a")
    assert job.state == "failed"
    assert job.trace().text.startswith("def area"), "what was generated stays"
    assert running.trace("the next").text == "the next"
    assert running.status().restarts == 1
    running.close()


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


# Generations.


def test_a_job_is_what_the_model_generates(demo):
    sampling = Sampling(0.7, 0.9, 5)
    job = demo.generate("def area(r):", max_new_tokens=25, sampling=sampling)
    until(lambda: job.state == "ended")
    with moe_viz.load() as model:
        *_, alone = model.generate("def area(r):", max_new_tokens=25, temperature=0.7, top_p=0.9, seed=5)
    trace = job.trace()
    assert trace.token_ids.tolist() == alone.token_ids.tolist()
    np.testing.assert_array_equal(trace.expert_ids, alone.expert_ids)
    assert (job.end, job.generated) == ("length", 25)
    assert job.tokens_per_second > 0


def test_jobs_and_texts_of_many_at_once_do_not_mix(demo):
    prompts = [f"number {i} of the prompts" + " word" * (i % 5) for i in range(12)]
    jobs = [demo.generate(p, p, max_new_tokens=15, sampling=Sampling(seed=i)) for i, p in enumerate(prompts)]
    answers = [demo.submit(f"between {i}", str(i)) for i in range(12)]
    until(lambda: all(job.state == "ended" for job in jobs), 60)
    assert [answer.result().text for answer in answers] == [f"between {i}" for i in range(12)]
    with moe_viz.load() as model:
        for seed, (prompt, job) in enumerate(zip(prompts, jobs, strict=True)):
            *_, alone = model.generate(prompt, max_new_tokens=15, seed=seed)
            np.testing.assert_array_equal(job.trace().token_ids, alone.token_ids)
            np.testing.assert_array_equal(job.trace().expert_ids, alone.expert_ids)


def test_more_jobs_than_are_continued_at_a_time_wait_their_turn():
    running = Engine(moe_viz.load, limits(generations=2))
    jobs = [running.generate("a", str(i), max_new_tokens=20) for i in range(5)]
    most = 0
    while not all(job.state == "ended" for job in jobs):
        most = max(most, running.status().generating)
    assert 1 <= most <= 2
    running.close()


def test_a_stopped_job_keeps_what_it_has(demo):
    job = demo.generate("Once upon a time", max_new_tokens=500)
    until(lambda: job.generated >= 5)
    job.stop()
    until(lambda: job.state == "stopped", 1)
    kept = job.generated
    assert 5 <= kept < 500
    assert len(job.trace()) == kept + len(demo.trace("Once upon a time"))


def test_a_job_is_stopped_while_it_waits_and_in_the_middle_of_its_text(gate):
    running = Engine(lambda progress: gate.model)
    reading = running.generate("it is being read " * 40)
    until(lambda: gate.passes == 1)
    waiting = running.generate("it waits")
    waiting.stop()
    assert waiting.state == "stopped"
    reading.stop()
    gate.open.set()
    until(lambda: reading.state == "stopped", 1)
    assert reading.trace() is None
    assert running.trace("the next").text == "the next"
    assert gate.passes == 2, "the job that was stopped while it waited was read"
    assert running.status().failed == 0
    running.close()


def test_a_job_that_nobody_looks_at_ends_by_itself():
    running = Engine(moe_viz.load, limits(abandoned_seconds=0.3))
    running.info()
    job = running.generate("Once upon a time", max_new_tokens=512)
    until(lambda: job.generated > 0)
    until(lambda: running.status().generating == 0, 5)
    assert job.state == "stopped"
    assert job.generated < 512
    running.close()


def test_a_job_that_the_model_fails_on_says_so_and_the_others_go_on(gate):
    gate.open.set()
    running = Engine(lambda progress: gate.model)
    job = running.generate(" a" * 2000)
    until(lambda: job.state == "failed")
    assert "this model reads at most 1,024" in str(job.error)
    other = running.generate("b", max_new_tokens=2)
    until(lambda: other.state == "ended")
    running.close()


def test_an_answer_in_a_chat_template():
    with moe_viz.load() as model:
        assert not model.chats
        with pytest.raises(moe_viz.InputError, match="has no chat template"):
            model.tokenize("hello", chat=True)
        model.tokenizer.chat_template = (
            "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
            "{% if add_generation_prompt %}[it]{% endif %}"
        )
        assert model.chats
        assert "".join(model.tokenize("hello", chat=True).texts) == "[user] hello\n[it]"
        running = Engine(lambda progress: model)
        job = running.generate("hello", chat=True, max_new_tokens=3)
        until(lambda: job.state == "ended")
        assert job.trace().text.startswith("[user] hello\n[it]")
        running.close()


def test_a_loaded_model_is_spared_by_the_collector_and_idle_threads_do_not_spin(demo):
    import gc
    import os

    demo.info()
    assert gc.get_freeze_count() > 100_000
    assert os.environ["OMP_WAIT_POLICY"] == "passive"


def test_the_log_has_no_text_of_anybody(demo, caplog):
    with caplog.at_level("INFO", "moe_viz"):
        demo.trace("a secret of mine")
        job = demo.generate("another secret", max_new_tokens=3)
        until(lambda: job.state == "ended")
    events = [record.message for record in caplog.records]
    assert any('"event": "pass"' in event for event in events)
    assert any('"event": "step"' in event for event in events)
    assert "secret" not in "".join(events)
