"""What the Predict page says, what it keeps, and how it shows a person's words."""

import re
from pathlib import Path
from string import Formatter

import pytest

from moe_viz.lessons.texts import _catalogue, predict_kind
from moe_viz.quiz.asking import KINDS, MAX_SEED, OWN, Asked
from moe_viz.quiz.question import GIVEN, AnswerChoice, Passage, Question
from moe_viz.ui.learn.predict.page import _seed
from moe_viz.ui.learn.predict.passages import _html
from moe_viz.ui.learn.predict.words import say, say_choice
from moe_viz.ui.session.predict_round import Round
from tests.invented import make_trace
from tests.quiz_texts import SHAPES, routed

UI = "".join(
    path.read_text() for path in (Path(__file__).parents[2] / "moe_viz" / "ui" / "learn" / "predict").glob("*.py")
)
QUIZ = "".join(path.read_text() for path in (Path(__file__).parents[2] / "moe_viz" / "quiz").glob("*.py"))
NAMED = r"\b0 if|100%|0%|add up to 1\b"
"""Digits that are part of a definition."""


def test_every_sentence_of_the_page_is_said():
    tables = {key for key, value in _catalogue()["predict"].items() if isinstance(value, dict)}
    assert tables == set(KINDS)
    assert {
        key for key in set(_catalogue()["predict"]) - tables if not re.search(rf"predict\(['\"]{key}['\"]", UI)
    } == set()


@pytest.mark.parametrize("name", list(KINDS))
def test_every_sentence_of_a_kind_is_said_and_has_no_measured_number_in_it(name):
    sentences = predict_kind(name)
    assert {"title", "question", "answer", "why", "reading"} <= set(sentences)
    assert {key for key in sentences if f'"{key}"' not in UI + QUIZ} == set()
    for sentence in sentences.values():
        plain = "".join(text for text, *_ in Formatter().parse(sentence))
        assert not re.findall(r"\d+", re.sub(NAMED, "", plain)), sentence


HOSTILE = '<img src=x onerror="alert(1)"> **b** $x$ [l](http://e.org) :red[r] `c` -> \u202e'


def hostile_question():
    trace = make_trace()
    numbers = {"token": HOSTILE, "expert": 3, "layer": "0", "right": HOSTILE, "weight": 0.5, "given_weight": 0.5}
    choices = tuple(AnswerChoice("choice", {"token": f"{HOSTILE}{i}", "experts": "1 (0.50)"}) for i in range(4))
    return Question("same_expert", numbers, choices, 0, (), trace.to_frame())


def test_a_persons_words_are_never_markdown():
    question = hostile_question()
    for said in (say(question, "question"), say(question, "answer"), say_choice(question, question.choices[0])):
        assert "<img" not in re.sub(r"\\.", "", said)
        assert not re.search(r"(?<!\\)[*`$\[\]<>_]", said)
        assert not re.search(r"(?<!\\):\w", said)


def test_a_persons_words_are_never_html():
    passage = Passage(OWN, (HOSTILE, HOSTILE, "\u202e", " \n"), {1: GIVEN, 3: 0}, True, False, None)
    drawn = _html(passage)
    assert "<img" not in drawn
    assert drawn.count("&lt;img") == 2
    assert "\u202e" not in drawn
    assert "·⏎" in drawn  # a marked token that would not show


@pytest.mark.parametrize("named", ["", "-1", "1.5", "٣", "1e3", "0x1", str(MAX_SEED + 1), "9" * 400, "<b>", "7 "])
def test_what_is_no_seed_is_none(named):
    assert _seed(named) is None


def test_a_seed_is_a_whole_number():
    assert [_seed(named) for named in ("0", "7", "007", str(MAX_SEED))] == [0, 7, 7, MAX_SEED]
    assert _seed(None) is None


def test_the_first_answer_counts_and_only_answers_count():
    trace = routed("The cat saw the dog. " * 20, **SHAPES["as bundled"])
    asked = Asked(hostile_question(), OWN, "text", trace.provenance, 6)
    own = Round(7)
    own.choose(0)
    assert own.total.asked == 0
    assert own.wants("model")
    own.pose(asked, "model")
    assert not own.wants("model")
    assert own.wants("another model")
    own.choose(2)
    own.choose(0)
    assert (own.answer, own.total.asked, own.total.right) == (2, 1, 0)
    own.go_on()
    assert own.wants("model")
    own.pose(asked, "model")
    own.choose(0)
    assert (own.total.asked, own.total.right) == (2, 1)
    assert own.score["same_expert"] == own.total
    own.go_on()
    own.pose(None, "model")
    own.choose(0)
    assert own.total.asked == 2
