"""`Document` and `Corpus`: text by domain, one document after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from typing import NamedTuple

from moe_viz.errors import InputError

MAX_BYTES = 2**26
"""The largest document that is read."""


class Document(NamedTuple):
    """One text, and where it belongs."""

    domain: str
    text: str
    share: float | None
    """How much of the corpus has been read once this document is, 0 to 1; None where that is not known."""


class Corpus(NamedTuple):
    """The documents that a run reads, once."""

    name: str
    """In words."""
    documents: Iterator[Document]


def by_domain(texts: Mapping[str, Iterable[str]]) -> Iterator[Document]:
    """The texts of one domain after the texts of the other. Raises InputError for a value that is no text."""
    sizes = [len(of_domain) for of_domain in texts.values() if isinstance(of_domain, Sized)]
    total = sum(sizes) if len(sizes) == len(texts) else None
    done = 0
    for domain, of_domain in texts.items():
        if isinstance(of_domain, str):
            raise InputError(f"domain {domain!r} is one string; expected several texts: put it in a list")
        for text in of_domain:
            if not isinstance(text, str):
                raise InputError(f"domain {domain!r} has a {type(text).__name__} among its texts; expected strings")
            done += 1
            yield Document(domain, text, done / total if total else None)


def in_turn(texts: Mapping[str, Sequence[str]]) -> Iterator[Document]:
    """A text of each domain, then the next of each: a run that is stopped early has texts of every domain."""
    total, done = sum(map(len, texts.values())), 0
    for number in range(max(map(len, texts.values()), default=0)):
        for domain, of_domain in texts.items():
            if number < len(of_domain):
                done += 1
                yield Document(domain, of_domain[number], done / total)
