"""The engine under many requests at once, with the bundled model; in wall-clock time, because it is about waiting."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from contextlib import suppress
from statistics import median

import numpy as np
import psutil

import moe_viz
from moe_viz.engine import Engine, Job
from moe_viz.model.running.moe_model import MoEModel
from moe_viz.model.running.sampling import Sampling
from moe_viz.probes import probe_texts

PROMPTS = 30
TRACES, THREADS = 1000, 32
GENERATIONS, NEW_TOKENS = 8, 100
STOPS = 100
REQUESTS = 10_000


def report() -> Iterator[str]:
    """One line per figure."""
    with moe_viz.load() as model:
        running = Engine(lambda **_: model)
        running.info()
        yield _together(model, running)
        yield _right(model, running)
        yield _generations(running)
        yield _stops(model, running)
        yield _lasting(running)
        running.close()


def passages(count: int, words: tuple[int, int], seed: int = 0) -> list[str]:
    """`count` pieces of the probe texts; the number of words of each is in the range `words`."""
    chance = random.Random(seed)
    everything = [text.split() for texts in probe_texts().values() for text in texts]
    long = [words_ for words_ in everything if len(words_) > words[1]]
    pieces = []
    for _ in range(count):
        source, length = chance.choice(long), chance.randint(*words)
        start = chance.randrange(len(source) - length)
        pieces.append(" ".join(source[start : start + length]))
    return pieces


def _together(model: MoEModel, running: Engine) -> str:
    texts = passages(PROMPTS, (5, 20))
    lock = threading.Lock()

    def one_at_a_time(text: str) -> None:
        with lock:
            model.trace(text)

    def timed(ask: Callable[[str], object]) -> float:
        with ThreadPoolExecutor(PROMPTS) as pool:
            start = time.perf_counter()
            list(pool.map(ask, texts))
            return time.perf_counter() - start

    def together(text: str) -> object:
        return running.trace(text, owner=text)

    timed(one_at_a_time), timed(together)
    pairs = [(timed(one_at_a_time), timed(together)) for _ in range(20)]
    ratio = median(locked / batched for locked, batched in pairs)
    rate = PROMPTS / median(batched for _, batched in pairs)
    lengths = [len(model.tokenize(text).ids) for text in texts]
    return (
        f"| {PROMPTS} prompts of {min(lengths)} to {max(lengths)} tokens at once, against one at a time under a lock |"
        f" {ratio:.2f} × the throughput ({rate:.0f} per second; median of {len(pairs)} pairs) |"
    )


def _right(model: MoEModel, running: Engine) -> str:
    texts = passages(TRACES, (1, 60), seed=1)
    with ThreadPoolExecutor(THREADS) as pool:
        traces = list(
            pool.map(lambda numbered: running.trace(numbered[1], owner=str(numbered[0] % 97)), enumerate(texts))
        )
    wrong = 0
    for text, trace in zip(texts, traces, strict=True):
        alone = model.trace(text)
        wrong += not (
            trace.token_ids.tolist() == alone.token_ids.tolist()
            and np.array_equal(trace.expert_ids, alone.expert_ids)
            and np.allclose(trace.gate_weights, alone.gate_weights, atol=1e-5)
        )
    batches = running.status().batches
    return (
        f"| {TRACES:,} traces from {THREADS} threads, each compared with its own alone |"
        f" {wrong} wrong (median batch {median(batches):.0f}) |"
    )


def _generations(running: Engine) -> str:
    def rate(count: int) -> tuple[float, float]:
        """Tokens per second of all together, and of the slowest."""
        start = time.perf_counter()
        jobs = [
            running.generate(text, str(i), max_new_tokens=NEW_TOKENS, sampling=Sampling(seed=i))
            for i, text in enumerate(passages(count, (5, 20), seed=2))
        ]
        _finish(jobs)
        seconds = time.perf_counter() - start
        return sum(job.generated for job in jobs) / seconds, min(job.tokens_per_second or 0 for job in jobs)

    rate(1)
    pairs = [(rate(1)[0], *rate(GENERATIONS)) for _ in range(8)]
    return (
        f"| {GENERATIONS} continuations at once, all tokens per second, against one |"
        f" {median(many / one for one, many, _ in pairs):.2f} × ({median(many for _, many, _ in pairs):.0f} per second;"
        f" the slowest of the {GENERATIONS} {median(slow for *_, slow in pairs):.0f}) |"
    )


def _finish(jobs: list[Job]) -> None:
    while any(job.state in ("waiting", "running") for job in jobs):
        time.sleep(0.002)


def _stops(model: MoEModel, running: Engine) -> str:
    """Stop after a random time: while waiting, while the text is read, or while it is continued."""
    chance = random.Random(3)
    text = " ".join(passages(40, (10, 20), seed=3))
    text = text[:2500]
    times = []
    for _ in range(STOPS):
        jobs = [running.generate(text, str(i), max_new_tokens=100) for i in range(2)]
        time.sleep(chance.random() * 0.8)
        start = time.perf_counter()
        for job in jobs:
            job.stop()
        _finish(jobs)
        while running.status().generating:
            time.sleep(0.001)
        times.append(time.perf_counter() - start)
    model.close()
    hooks = sum("forward" in vars(module) for module in model.hf_model.modules())
    return f"| Stop, {STOPS} times at any stage | {max(times):.2f} s at most, {hooks} listeners left after closing |"


def _lasting(running: Engine) -> str:
    """Many requests, one in ten bad or withdrawn: memory at the end compared with after the first thousand."""
    process = psutil.Process()
    texts = passages(500, (3, 30), seed=4)
    chance = random.Random(5)
    after_first = 0
    for start in range(0, REQUESTS, 100):
        answers = []
        for number in range(start, start + 100):
            kind = chance.random()
            text = "" if kind < 0.05 else texts[number % len(texts)]
            answers.append(running.submit(text, owner=str(number)))
            if kind > 0.95:
                answers[-1].cancel()
        wait(answers)
        for answer in answers:
            with suppress(CancelledError):
                answer.exception()
        if start == 900:
            after_first = process.memory_info().rss
    growth = process.memory_info().rss / after_first - 1
    left = running.status().waiting
    return (
        f"| {REQUESTS:,} requests, one in ten bad or withdrawn | memory {growth:+.1%} after the first 1,000,"
        f" {left} left waiting |"
    )
