"""All texts of the lessons, from `texts.toml`: one file, so that it can be translated as a whole.

A sentence names its numbers in braces, `{share:.0%}`, as `str.format` reads them. They are
computed where the sentence is shown, never written into it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("texts.toml")


@dataclass(frozen=True)
class Check:
    """One small question with one right answer; each answer has its own explanation."""

    question: str
    answers: tuple[str, ...]
    right: int
    reasons: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.right < len(self.answers) == len(self.reasons):
            raise ValueError(f"{self.question!r} needs a reason for each answer, and `right` to name one of them")


@dataclass(frozen=True)
class Lesson:
    """The words of one lesson."""

    name: str
    """The name in the address."""
    title: str
    question: str
    check: Check
    sentences: Mapping[str, str]

    def say(self, key: str, **numbers: Any) -> str:
        """A sentence with its numbers. Raises KeyError if there is none, or one of its numbers is missing."""
        return self.sentences[key].format(**numbers)


@cache
def lessons() -> Mapping[str, Lesson]:
    """All lessons by name, in the order in which they are taught."""
    return {name: _lesson(name, dict(entry)) for name, entry in _catalogue()["lesson"].items()}


def common(key: str, **numbers: Any) -> str:
    """A sentence for all lessons."""
    sentence: str = _catalogue()["common"][key]
    return sentence.format(**numbers)


def predict(key: str, **numbers: Any) -> str:
    """A sentence of the Predict page."""
    sentence: str = _catalogue()["predict"][key]
    return sentence.format(**numbers)


def predict_kind(kind: str) -> Mapping[str, str]:
    """The sentences of one kind of its questions."""
    sentences: Mapping[str, str] = _catalogue()["predict"][kind]
    return sentences


def tour_texts() -> dict[str, Any]:
    """The texts of the Routing page's tour; each of its `steps` has a `part` of the page, a `title` and a `text`."""
    texts: dict[str, Any] = _catalogue()["tour"]
    return texts


@cache
def _catalogue() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def _lesson(name: str, entry: dict[str, Any]) -> Lesson:
    check = entry.pop("check")
    return Lesson(
        name=name,
        title=entry.pop("title"),
        question=entry.pop("question"),
        check=Check(check["question"], tuple(check["answers"]), check["right"], tuple(check["reasons"])),
        sentences=entry,
    )
