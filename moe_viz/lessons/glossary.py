"""The glossary, from `glossary.toml`: one file, so that it can be translated as a whole."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("glossary.toml")


@dataclass(frozen=True)
class Term:
    """A term of the field."""

    name: str
    meaning: str
    """One to three plain sentences."""
    formula: str = ""
    source: str = ""
    """Paper and equation, if there is one that most people follow."""
    also: tuple[str, ...] = ()
    """Other names for the same term."""
    see: tuple[str, ...] = ()
    """Where this app shows it: a page, or `learn/` and a lesson."""
    library: str = ""
    """The name in the library that computes or holds it."""

    @property
    def names(self) -> tuple[str, ...]:
        return self.name, *self.also


@cache
def terms() -> tuple[Term, ...]:
    """All terms, in alphabetical order."""
    several = ("also", "see")
    return tuple(Term(**entry | {name: tuple(entry.get(name, ())) for name in several}) for entry in _file()["term"])


def find(asked: str) -> tuple[Term, ...]:
    """The terms that contain the searched words: terms of exactly this name first, then words in a name."""
    wanted = asked.strip().casefold()
    ranked = [(_rank(term, wanted), term) for term in terms()]
    return tuple(term for rank, term in sorted(ranked, key=lambda pair: pair[0]) if rank < _NOWHERE)


_CALLED_SO, _BEGINS, _IN_NAME, _IN_MEANING, _NOWHERE = range(5)


def _rank(term: Term, wanted: str) -> int:
    names = [name.casefold() for name in term.names]
    if wanted in names:
        return _CALLED_SO
    if any(name.startswith(wanted) for name in names):
        return _BEGINS
    if any(wanted in name for name in names):
        return _IN_NAME
    return _IN_MEANING if wanted in term.meaning.casefold() else _NOWHERE


def word(key: str, **values: str) -> str:
    """A word or sentence of the page itself."""
    sentence: str = _file()["words"][key]
    return sentence.format(**values)


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
