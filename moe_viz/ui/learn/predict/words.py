"""The page's sentences; names in them are escaped, since they may come from a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moe_viz.lessons.texts import predict, predict_kind
from moe_viz.probes import TITLES
from moe_viz.quiz.asking import OWN
from moe_viz.quiz.question import AnswerChoice, Question
from moe_viz.ui.widgets.words import plain


def letter(choice: int) -> str:
    """What a class calls a choice."""
    return "ABCDEFGH"[choice]


def text_name(name: str) -> str:
    """What to call a text."""
    return predict("own") if name == OWN else TITLES[name]


def say(question: Question, key: str) -> str:
    """One of the kind's sentences with the question's numbers, as Markdown."""
    return predict_kind(question.kind)[key].format(**_escaped(question.numbers))


def say_choice(question: Question, choice: AnswerChoice) -> str:
    """A choice, as Markdown."""
    return predict_kind(question.kind)[choice.key].format(**_escaped(choice.values))


def say_measured(question: Question, choice: AnswerChoice) -> str | None:
    """What was measured for a choice, as Markdown; None if the question as a whole says it."""
    sentence = predict_kind(question.kind).get("measured")
    return None if sentence is None else sentence.format(**_escaped(choice.values))


def _escaped(values: Mapping[str, Any]) -> dict[str, Any]:
    named = {key: text_name(value) if key.startswith("text_") else value for key, value in values.items()}
    return {key: plain(value) if isinstance(value, str) else value for key, value in named.items()}
