"""Failures stay local, and are said."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

import moe_viz
from moe_viz.engine import Engine
from moe_viz.errors import EngineError
from moe_viz.model.checkpoints.progress import LoadProgress
from tests.model.engines import until

ROOT = Path(__file__).parents[2]


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
    with pytest.raises(EngineError, match=r"the worker failed \(SystemExit: .*\) and restarted; try again"):
        running.trace("a")
    assert job.state == "failed"
    assert job.trace().text.startswith("def area"), "what was generated stays"
    assert running.trace("the next").text == "the next"
    assert running.status().restarts == 1
    running.close()


ENDING = """
import time, moe_viz
from moe_viz.engine import Engine

engine = Engine(lambda progress: moe_viz.load())
engine.info()
for number in range(8):
    engine.submit("The river was quiet. " * 150, owner=str(number))
time.sleep(0.3)  # they are being read, and that takes longer
"""


def test_python_ends_in_order_while_a_text_is_read():
    """A thread that is ended in the midst of a pass of torch's aborts the process."""
    command = [sys.executable, "-c", ENDING]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert "terminate called" not in ended.stderr
    assert ended.returncode == 0
