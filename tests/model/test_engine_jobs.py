"""Texts that an engine continues."""

from __future__ import annotations

import pytest

import moe_viz
from moe_viz.engine import Engine
from moe_viz.model.running.sampling import Sampling
from tests.agreement import assert_agree
from tests.model.engines import limits, until


def test_a_job_is_what_the_model_generates(demo_engine):
    sampling = Sampling(0.7, 0.9, 5)
    job = demo_engine.generate("def area(r):", max_new_tokens=25, sampling=sampling)
    until(lambda: job.state == "ended")
    with moe_viz.load() as model:
        *_, alone = model.generate("def area(r):", max_new_tokens=25, temperature=0.7, top_p=0.9, seed=5)
    assert_agree(job.trace(), alone)
    assert (job.end, job.generated) == ("length", 25)
    assert job.tokens_per_second > 0


def test_jobs_and_texts_of_many_at_once_do_not_mix(demo_engine):
    prompts = [f"number {i} of the prompts" + " word" * (i % 5) for i in range(12)]
    jobs = [demo_engine.generate(p, p, max_new_tokens=15, sampling=Sampling(seed=i)) for i, p in enumerate(prompts)]
    answers = [demo_engine.submit(f"between {i}", str(i)) for i in range(12)]
    until(lambda: all(job.state == "ended" for job in jobs), 60)
    assert [answer.result().text for answer in answers] == [f"between {i}" for i in range(12)]
    with moe_viz.load() as model:
        for seed, (prompt, job) in enumerate(zip(prompts, jobs, strict=True)):
            *_, alone = model.generate(prompt, max_new_tokens=15, seed=seed)
            assert_agree(job.trace(), alone)


def test_more_jobs_than_are_continued_at_a_time_wait_their_turn():
    running = Engine(moe_viz.load, limits(generations=2))
    jobs = [running.generate("a", str(i), max_new_tokens=20) for i in range(5)]
    most = 0
    while not all(job.state == "ended" for job in jobs):
        most = max(most, running.status().generating)
    assert 1 <= most <= 2
    running.close()


def test_a_stopped_job_keeps_what_it_has(demo_engine):
    job = demo_engine.generate("Once upon a time", max_new_tokens=500)
    until(lambda: job.generated >= 5)
    job.stop()
    until(lambda: job.state == "stopped", 1)
    kept = job.generated
    assert 5 <= kept < 500
    assert len(job.trace()) == kept + len(demo_engine.trace("Once upon a time"))


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
