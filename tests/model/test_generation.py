"""Continuing a text: what is drawn, when it ends, and what a trace of it says."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch

import moe_viz
from moe_viz.model.running.sampling import Sampling
from tests.agreement import assert_agree
from tests.tiny_models import tiny_model, token_ids

PROMPT = "def area(r):"


@pytest.fixture(scope="module")
def demo():
    with moe_viz.load() as model:
        yield model


def last(model, **options):
    *_, trace = model.generate(PROMPT, **options)
    return trace


def test_a_generated_text_is_drawn_by_its_seed_and_says_so(demo):
    one, again, other = (last(demo, max_new_tokens=30, seed=seed) for seed in (3, 3, 4))
    assert one.token_ids.tolist() == again.token_ids.tolist() != other.token_ids.tolist()
    assert one.provenance.notes[-1] == "Generated with temperature 0.8, top-p 0.95, seed 3."
    assert demo.trace(PROMPT).provenance.notes == one.provenance.notes[:-1]


@pytest.mark.parametrize("name", ["mixtral", "switch_transformers"])
def test_a_trace_says_where_it_is_not_the_text_that_was_given(name):
    with moe_viz.attach(tiny_model(name)) as model:
        *_, trace = model.generate(token_ids=token_ids(5), max_new_tokens=2)
    said = any("the decoder wrote" in note for note in trace.provenance.notes)
    assert said == (name == "switch_transformers")


def test_no_temperature_and_a_narrow_nucleus_both_take_the_most_probable(demo):
    greedy = last(demo, max_new_tokens=20, temperature=0)
    narrow = last(demo, max_new_tokens=20, top_p=1e-9)
    assert greedy.token_ids.tolist() == narrow.token_ids.tolist()
    start = len(demo.trace(PROMPT))
    assert greedy.next_tokens.token_ids[start - 1 : -1, 0].tolist() == greedy.token_ids[start:].tolist()


def test_tokens_are_drawn_as_often_as_the_model_expects_them(demo):
    """The first token of 600 continuations, against the model's own probabilities: within four standard errors."""
    tokens = demo.tokenize("Once upon a")
    with torch.inference_mode():
        logits = demo.hf_model(input_ids=torch.tensor([tokens.ids])).logits[0]
    expected = (logits[-1] / 1.5).softmax(dim=-1)
    [routing] = demo.read([tokens.ids]).routing["decoder"]
    drawn = []
    for seed in range(600):
        generation = demo.start_generation(tokens, 5, Sampling(1.5, 1.0, seed))
        generation.extend(routing, logits, demo.sites)
        drawn.append(generation.next_id)
    for token in expected.topk(5).indices.tolist():
        p = float(expected[token])
        assert abs(drawn.count(token) / 600 - p) < 4 * (p * (1 - p) / 600) ** 0.5


def test_it_ends_where_the_model_ends_the_text(demo):
    whole = last(demo, max_new_tokens=12, temperature=0)
    stop = int(whole.token_ids[-1])
    first = whole.token_ids.tolist().index(stop)
    ends = demo.hf_model.generation_config.eos_token_id
    demo.hf_model.generation_config.eos_token_id = stop
    try:
        generation = demo.start_generation(demo.tokenize(PROMPT), 50, Sampling(0))
        decoder = demo.decoder()
        decoder.add(generation)
        while decoder.generations:
            decoder.step()
    finally:
        demo.hf_model.generation_config.eos_token_id = ends
    assert generation.ended == "end of text"
    assert generation.trace().token_ids.tolist() == whole.token_ids[:first].tolist()


def test_it_ends_where_the_context_is_full():
    with moe_viz.attach(tiny_model("mixtral")) as model:
        room = model.context
        traces = list(model.generate(token_ids=token_ids(room - 3), max_new_tokens=50))
        assert len(traces[-1]) == room
        full = list(model.generate(token_ids=token_ids(room), max_new_tokens=50))
    assert [len(trace) for trace in full] == [room]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens is 0; expected at least 1"),
        ({"temperature": -1}, "temperature is -1; expected 0 to 100"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_p": 0}, "top_p is 0; expected more than 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(demo, options, message):
    with pytest.raises(moe_viz.InputError, match=message):
        next(demo.generate(PROMPT, **options))


def test_a_prediction_that_is_no_number_is_an_error():
    hf_model = tiny_model("mixtral")
    with moe_viz.attach(hf_model) as model:
        hf_model.lm_head.weight.data[:] = float("nan")
        with pytest.raises(moe_viz.ModelError, match="not a number"):
            next(model.generate(token_ids=token_ids(5)))


def test_the_text_is_the_prompt_and_what_the_tokens_add(demo):
    trace = last(demo, max_new_tokens=40)
    assert trace.text.startswith(PROMPT)
    assert trace.text == demo.tokenizer.decode(trace.token_ids.tolist())
    assert trace.token_names == demo.trace(token_ids=trace.token_ids.tolist()).token_names


def test_a_character_of_several_tokens_is_whole_once_its_last_is_there(demo):
    ids = demo.tokenize("爨").ids
    assert len(ids) > 1
    generation = demo.start_generation(demo.tokenize("a"), 9, Sampling())
    decoder = demo.decoder()
    decoder.add(generation)
    for token in ids:
        generation.next_id = token
        decoder.step()
    assert generation.trace().text == "a爨"


def test_a_trace_may_be_taken_in_another_thread_while_the_text_grows(demo):
    generation = demo.start_generation(demo.tokenize(PROMPT), 60, Sampling())
    decoder = demo.decoder()
    with pytest.raises(moe_viz.InputError, match="nothing of this text was read yet"):
        generation.trace()
    decoder.add(generation)
    seen, failures = [], []

    def look():
        try:
            while not generation.ended:
                seen.append(generation.trace())
                time.sleep(0.01)  # as a page that looks now and then
        except Exception as error:  # noqa: BLE001 - whatever it is, the test must fail with it
            failures.append(error)

    looking = threading.Thread(target=look)
    looking.start()
    while decoder.generations:
        decoder.step()
    looking.join()
    assert not failures
    assert len(seen) > 3
    whole = generation.trace()
    for trace in seen:
        assert trace.token_ids.tolist() == whole.token_ids[: len(trace)].tolist()
        np.testing.assert_array_equal(trace.expert_ids, whole.expert_ids[:, : len(trace)])


def test_a_generation_that_is_stopped_leaves_the_others_as_they_were(demo):
    asked = {
        seed: demo.start_generation(demo.tokenize(PROMPT[: 5 + seed]), 12, Sampling(seed=seed)) for seed in range(4)
    }
    decoder = demo.decoder()
    for generation in asked.values():
        decoder.add(generation)
    for _ in range(4):
        decoder.step()
    asked[3].stopping.set()  # the longest: the columns that only it filled go with it
    asked[1].stopping.set()
    while decoder.generations:
        decoder.step()
    for seed, generation in asked.items():
        *_, alone = demo.generate(PROMPT[: 5 + seed], max_new_tokens=12, seed=seed)
        kept = generation.trace()
        assert len(kept) == len(alone) if seed in (0, 2) else len(kept) < len(alone)
        assert_agree(kept, alone, len(kept))


def test_those_that_the_model_fails_on_leave_and_it_serves_the_next(demo):
    decoder = demo.decoder()
    decoder.add(demo.start_generation(demo.tokenize(PROMPT), 12, Sampling()))
    healthy = demo.hf_model.forward
    demo.hf_model.forward = lambda *_a, **_k: 1 / 0
    try:
        with pytest.raises(ZeroDivisionError):
            decoder.step()
    finally:
        demo.hf_model.forward = healthy
    assert decoder.generations == []
    assert last(demo, max_new_tokens=3).generated.sum() == 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_rounding_can_change_in_a_batch_is_said(dtype):
    with moe_viz.attach(tiny_model("mixtral").to(dtype)) as model:
        texts = [model.tokenize(token_ids=token_ids(length)) for length in (5, 9)]
        together = [trace.provenance.notes for (trace,) in model.trace_batch(texts)]
        (alone,) = model.trace_tokens(texts[0])
    said = [any("1 other text(s) in bfloat16" in note for note in notes) for notes in together]
    assert said == [dtype == torch.bfloat16] * 2
    assert not any("other text" in note for note in alone.provenance.notes)
