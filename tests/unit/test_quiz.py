"""Questions made from traces: one answer is right, worked out by another way, and the same seed gives the same."""

import dataclasses
from collections import Counter
from functools import cache
from random import Random
from string import Formatter

import numpy as np
import pytest

from moe_viz.lessons.texts import predict_kind
from moe_viz.metrics.similarity import load_distance
from moe_viz.probes import probe_texts
from moe_viz.quiz.asking import KINDS, OWN, ask
from moe_viz.quiz.question import CHOICES, AnswerChoice, Question, Text, first_choices, layer_name, spaced
from tests.invented import make_trace
from tests.quiz_recomputed import right_choices
from tests.quiz_texts import SHAPES, routed

FITTING = {
    "one layer": set(KINDS) - {"layer_apart"},
    "sigmoid": set(KINDS) - {"share_held"},
    "no scores": set(KINDS) - {"share_held", "least_sure"},
    "no logits": set(KINDS) - {"share_held", "least_sure"},
}
NAMES = ("python", "poetry", "chess", "french")


@cache
def read(shape, text):
    return routed(text, **SHAPES[shape])


def texts_of(shape, passage=0):
    return [Text(name, read(shape, probe_texts()[name][passage])) for name in NAMES]


def asked(shape, seed, number, own=""):
    return ask(lambda texts: [read(shape, text) for text in texts], seed, number, own)


def holds(question, texts):
    """Exactly one choice is right, and it is the one that the question says."""
    truths = right_choices(question, {text.name: text.trace for text in texts})
    assert [i for i, truth in enumerate(truths) if truth] == [question.right], (question.kind, question.numbers)


@pytest.mark.parametrize("shape", SHAPES)
def test_exactly_one_choice_is_right_worked_out_by_another_way(shape):
    found = Counter()
    for kind in KINDS.values():
        for seed in range(8):
            texts = texts_of(shape, seed % 2)
            if not kind.fits(texts[0].trace):
                continue
            question = kind.ask(texts, Random(seed))
            if question is not None:
                assert question.kind == kind.name
                holds(question, texts)
                found[kind.name] += 1
    assert set(found) == FITTING.get(shape, set(KINDS))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_model_gets_the_questions_that_make_sense_of_it(shape):
    trace = texts_of(shape)[0].trace
    assert {name for name, kind in KINDS.items() if kind.fits(trace)} == FITTING.get(shape, set(KINDS))


def said(one):
    question = one.question
    return (one.name, one.text, question.kind, question.numbers, question.choices, question.right, question.passages)


def test_the_same_seed_gives_the_same_questions_and_another_seed_others():
    first, again, other = ([said(asked("as bundled", seed, n)) for n in range(7)] for seed in (7, 7, 8))
    assert first == again
    assert all(one not in other for one in first)


@pytest.mark.parametrize("shape", ["as bundled", "one layer", "no scores"])
def test_each_kind_comes_once_before_any_comes_again(shape):
    fitting = FITTING.get(shape, set(KINDS))
    for rounds in range(2):
        kinds = [asked(shape, 3, rounds * len(fitting) + n).question.kind for n in range(len(fitting))]
        assert set(kinds) == fitting


def test_the_right_answer_has_no_place_of_its_own():
    places = {name: Counter() for name in KINDS}
    for name, kind in KINDS.items():
        for seed in range(24):
            question = kind.ask(texts_of("as bundled", seed % 3), Random(seed))
            if question is not None:
                places[name][question.right] += 1
    for name, counted in places.items():
        assert len(counted) > 2, name
        assert max(counted.values()) < 0.75 * counted.total(), name


def test_every_sentence_has_all_its_numbers_and_gives_no_answer_away():
    for kind in KINDS.values():
        question = kind.ask(texts_of("as bundled"), Random(1))
        sentences = predict_kind(kind.name)
        for key in ("question", "answer"):
            sentences[key].format(**question.numbers)
        for choice in question.choices:
            sentences[choice.key].format(**choice.values)
            sentences.get("measured", "").format(**choice.values)
        for key in ("title", "why", "reading"):
            assert not [field for _, field, *_ in Formatter().parse(sentences[key]) if field]
        secret = {"right", "text_right", "distinct", "held", "same", "distance", "least", "uniform", "busiest"}
        assert not secret & {field for _, field, *_ in Formatter().parse(sentences["question"])}


def test_a_persons_text_is_asked_about_and_the_examples_are_compared_with_it():
    own = "The cat saw the dog, and the dog saw the cat; the bird saw both. " * 6
    for number in range(7):
        one = asked("as bundled", 1, number, own)
        assert one.text == own
        assert one.name == OWN
        assert OWN in {passage.name for passage in one.question.passages}


@pytest.mark.parametrize("own", ["x", "?!", "a b c"])
def test_too_short_a_text_leaves_nothing_to_ask_or_something_true(own):
    seen = {}

    def reading(texts):
        seen.update((text, read("one layer", text)) for text in texts)
        return [seen[text] for text in texts]

    names = {text: name for name, passages in probe_texts().items() for text in passages} | {own: OWN}
    for number in range(7):
        seen.clear()
        one = ask(reading, 1, number, own)
        if one is not None:
            named = {passage.name for passage in one.question.passages}
            last = {names[text]: trace for text, trace in seen.items()}
            assert named <= set(last)
            holds(one.question, [Text(name, trace) for name, trace in last.items()])


def test_experts_that_all_take_every_token_leave_nothing_to_ask():
    assert ask(lambda texts: [make_trace(experts=2, top_k=2, tokens=80) for _ in texts], 1, 0) is None


def planted(tokens, experts_by_token, weights_by_token=None, experts=8, logits=None):
    """A trace of one layer whose words, choices and weights are given."""
    trace = make_trace(tokens=len(tokens), texts=tokens, sites=1, experts=experts, top_k=2, generated=0)
    weights = weights_by_token or [[0.7, 0.3]] * len(tokens)
    return dataclasses.replace(
        trace,
        token_ids=np.array([sorted(set(tokens)).index(token) for token in tokens]),
        expert_ids=np.array([experts_by_token]),
        gate_weights=np.array([weights]),
        router_logits=trace.router_logits if logits is None else np.array([logits]),
    )


WORDS = ["red", "blue", "green", "black", "white"]


def one_question(kind, *traces, seed=0):
    return KINDS[kind].ask([Text(name, trace) for name, trace in zip(NAMES, traces, strict=False)], Random(seed))


def test_a_planted_expert_is_found():
    trace = planted(WORDS, [[5, 1], [2, 3], [5, 4], [0, 3], [6, 7]])
    for seed in range(10):
        question = one_question("same_expert", trace, seed=seed)
        assert question.numbers["expert"] == 5
        assert {question.numbers["token"], question.numbers["right"]} == {"red", "green"}


@pytest.mark.parametrize(
    ("experts", "weights"),
    [
        ([[5, 1], [2, 3], [4, 0], [0, 3], [6, 7]], None),  # nobody else goes where another goes first, but by 0
        ([[5, 1], [2, 3], [4, 5], [6, 3], [7, 0]], [[0.9, 0.1]] * 5),  # an afterthought is no fair answer
        ([[5, 1], [2, 3], [5, 4], [0, 3], [6, 7]], [[0.5, 0.5]] * 5),  # no first choice is sure
        ([[5, 1], [5, 3], [5, 4], [5, 3], [5, 7]], None),  # everybody goes there
    ],
)
def test_where_no_single_token_is_a_fair_answer_none_is_asked_for(experts, weights):
    if weights is None and experts[2] == [4, 0]:
        weights = [[0.9, 0.1]] * 5
    assert all(one_question("same_expert", planted(WORDS, experts, weights), seed=seed) is None for seed in range(10))


def test_a_planted_doubt_is_found_and_a_tie_is_not_asked_about():
    sure, unsure = [9.0] + [0.0] * 7, [1.0] * 8
    ids = [[0, 1]] * 5
    question = one_question("least_sure", planted(WORDS, ids, logits=[sure, sure, unsure, sure, sure]))
    assert question.numbers["right"] == "green"
    assert question.numbers["as_many"] == pytest.approx(8)
    for logits in ([sure] * 5, [unsure] * 5, [unsure, unsure, sure, unsure, unsure]):
        assert one_question("least_sure", planted(WORDS, ids, logits=logits)) is None


def test_texts_of_one_load_are_not_told_apart():
    trace = planted(WORDS * 20, [[0, 1]] * 100)
    assert one_question("hidden_text", trace, trace, trace, trace) is None
    layers = make_trace(sites=4, experts=8, tokens=40)
    assert one_question("layer_apart", layers, layers) is None


def test_half_of_the_layers_is_no_answer():
    """Of two routers one agrees: neither every layer nor none."""
    trace = make_trace(tokens=2, texts=["cat", " cat"], sites=2, experts=8, top_k=1, generated=0)
    halved = dataclasses.replace(trace, token_ids=np.array([1, 1]), expert_ids=np.array([[[3], [3]], [[3], [4]]]))
    assert one_question("same_token", halved) is None
    both = dataclasses.replace(halved, expert_ids=np.array([[[3], [3]], [[4], [4]]]))
    question = one_question("same_token", both)
    assert [choice.key for choice in question.choices] == ["every", "none"]
    assert question.right == 0


def test_two_dropped_tokens_have_not_gone_to_the_same_expert():
    trace = make_trace(tokens=2, texts=["cat", " cat"], sites=5, experts=8, top_k=1, generated=0)
    ids, weights = [[3, 3], [4, 4], [5, 5], [1, 2], [-1, -1]], [[1, 1]] * 4 + [[0, 0]]
    dropped = dataclasses.replace(
        trace,
        token_ids=np.array([1, 1]),
        expert_ids=np.array(ids)[..., None],
        gate_weights=np.array(weights)[..., None],
    )
    question = one_question("same_token", dropped)
    assert question.choices[question.right].key == "most"
    assert question.numbers["same"] == 3
    assert question.evidence["same"].tolist() == [True, True, True, False, False]


def test_the_distance_of_loads_by_hand():
    a, b = np.array([[3.0, 1.0, 0.0], [1.0, 1.0, np.nan]]), np.array([[0.0, 1.0, 1.0], [5.0, 5.0, np.nan]])
    assert load_distance(a, b) == pytest.approx([0.75, 0.0])
    assert load_distance(a, a) == pytest.approx([0.0, 0.0])
    assert np.isnan(load_distance(np.zeros((1, 3)), b[:1])).all()


def test_a_first_choice_is_sure_where_no_other_comes_close():
    trace = planted(["a", "b", "c"], [[1, 2], [1, 2], [1, -1]], [[0.3, 0.7], [0.5, 0.49], [0.2, 0.0]])
    experts, sure = first_choices(trace, 0)
    assert experts.tolist() == [2, 1, 1]
    assert sure.tolist() == [True, False, True]


@pytest.mark.parametrize("value", [2, 5, 8])
def test_numbers_to_choose_from_are_apart_and_within_bounds(value):
    places = set()
    for seed in range(40):
        numbers = spaced(value, 2, 1, 12, Random(seed))
        assert value in numbers
        assert 1 <= numbers[0] < numbers[-1] <= 12
        assert set(np.diff(numbers)) == {2}
        places.add(numbers.index(value))
    assert len(places) > 1 or value == 2
    assert spaced(5, 9, 1, 12, Random(0)) is None
    assert len(numbers) == CHOICES


def test_routers_of_one_layer_are_told_apart():
    trace = make_trace(sites=2)
    shared = dataclasses.replace(trace, sites=tuple(dataclasses.replace(site, layer=4) for site in trace.sites))
    assert [layer_name(trace, site) for site in range(2)] == ["0", "1"]
    assert len({layer_name(shared, site) for site in range(2)}) == 2


def test_a_question_without_one_right_answer_is_refused():
    question = one_question("how_many", texts_of("as bundled")[0].trace)
    for changes in (
        {"right": 4},
        {"choices": question.choices[:1]},
        {"choices": (AnswerChoice("choice", {"distinct": 1}),) * 4},
    ):
        with pytest.raises(ValueError, match="one that is right"):
            dataclasses.replace(question, **changes)
    assert isinstance(question, Question)
