"""What a question is, and what all kinds of question are made with.

A question has no words of its own: it holds the numbers that the sentences of
`moe_viz/lessons/texts.toml` name. All that it says was measured in the traces it was made from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.arrays import NO_EXPERT, Flags
from moe_viz.data.trace import RoutingTrace
from moe_viz.metrics.tokens import visible

if TYPE_CHECKING:
    import pandas as pd

GIVEN = -1
"""In `Passage.marks`: what the question is about, not one of its choices."""
CHOICES = 4
WINDOW = 80
"""At most this many tokens of a text are shown."""
_AROUND = 12
"""How many tokens are shown on each side of the tokens that a question is about."""
CLOSE = 0.95
"""A first choice is not sure where the second largest gating weight is a larger share of the largest."""


class Text(NamedTuple):
    """A text, and how the model in use routes it."""

    name: str
    trace: RoutingTrace


@dataclass(frozen=True)
class AnswerChoice:
    """One answer to choose from."""

    key: str
    """The key of its sentence among its kind's sentences."""
    values: Mapping[str, Any]
    """The numbers in that sentence, and in the sentence that says what was measured for this choice."""


@dataclass(frozen=True)
class Passage:
    """A piece of a text, to be shown with the question."""

    name: str
    tokens: tuple[str, ...]
    marks: Mapping[int, int]
    """The choice that a token of `tokens` stands for, or `GIVEN`."""
    cut_before: bool
    cut_after: bool
    choice: int | None
    """The choice that the whole text stands for."""


@dataclass(frozen=True, eq=False)
class Question:
    """One question with one right answer, and the numbers that show it."""

    kind: str
    numbers: Mapping[str, Any]
    """The values in the kind's sentences; the name of a text has a key that begins with `text_`."""
    choices: tuple[AnswerChoice, ...]
    right: int
    passages: tuple[Passage, ...]
    evidence: pd.DataFrame
    """The measured numbers that decide; the columns are the kind's own."""

    def __post_init__(self) -> None:
        said = [(choice.key, *choice.values.values()) for choice in self.choices]
        if len(said) < 2 or len(set(said)) < len(said) or not 0 <= self.right < len(said):
            raise ValueError(f"a question needs several choices, all different, and one that is right; got {said}")


class Kind(NamedTuple):
    """One kind of question."""

    name: str
    fits: Callable[[RoutingTrace], bool]
    """Whether such a question makes sense for the model of a trace."""
    ask: Callable[[Sequence[Text], Random], Question | None]
    """Makes a question about the first of some texts; gives None if no question would be fair."""


def choosing(trace: RoutingTrace) -> list[int]:
    """The routers that leave experts out, as indices of the trace's sites: other routers decide nothing."""
    return [index for index, site in enumerate(trace.sites) if site.top_k < site.num_experts]


def layer_name(trace: RoutingTrace, site: int) -> str:
    """A router's name: its layer, and which one it is if a layer has several."""
    own = trace.sites[site]
    several = sum(other.layer == own.layer for other in trace.sites) > 1
    return f"{own.layer} ({own.name.rpartition('.')[2]}, router {site})" if several else f"{own.layer}"


def first_choices(trace: RoutingTrace, site: int) -> tuple[NDArray[np.intp], Flags]:
    """The expert with the largest gating weight, `[token]`, and whether no other comes close to it, `[token]`."""
    weights = np.where(trace.expert_ids[site] == NO_EXPERT, -np.inf, trace.gate_weights[site])
    largest = np.argmax(weights, axis=1)
    ids = np.take_along_axis(trace.expert_ids[site], largest[:, None], axis=1)[:, 0].astype(np.intp)
    top = np.take_along_axis(weights, largest[:, None], axis=1)[:, 0]
    rest = weights.copy()
    np.put_along_axis(rest, largest[:, None], -np.inf, axis=1)
    sure: Flags = (ids != NO_EXPERT) & (top > 0) & (rest.max(axis=1) <= CLOSE * top)
    return ids, sure


def window(trace: RoutingTrace, rng: Random, size: int = WINDOW) -> range:
    """`size` tokens in a row, from anywhere in the text; all tokens of a shorter text."""
    start = rng.randrange(max(1, len(trace) - size + 1))
    return range(start, min(len(trace), start + size))


def word(trace: RoutingTrace, token: int) -> str:
    """A token as it is written, without the space around it; empty if it has no letter or digit."""
    text = trace.tokens[token].strip()
    return visible(text).casefold() if any(c.isalnum() for c in text) else ""


def different_words(trace: RoutingTrace, tokens: Iterable[int], besides: Iterable[str] = ()) -> list[int]:
    """The tokens that can be recognised by their word, one for each word that is not among `besides`."""
    found = dict.fromkeys(besides, GIVEN) | {"": GIVEN}
    for token in tokens:
        found.setdefault(word(trace, token), token)
    return [token for token in found.values() if token != GIVEN]


def shown_token(trace: RoutingTrace, token: int) -> str:
    """A token for use in a sentence: its text, on one line."""
    return visible(trace.tokens[token].strip())


def passage(text: Text, tokens: range, marks: Mapping[int, int] | None = None, choice: int | None = None) -> Passage:
    """These tokens of a text; `marks` has the tokens by their place in the whole text."""
    trace = text.trace
    return Passage(
        text.name,
        trace.tokens[tokens.start : tokens.stop],
        {token - tokens.start: mark for token, mark in (marks or {}).items()},
        tokens.start > 0,
        tokens.stop < len(trace),
        choice,
    )


def around(text: Text, tokens: range) -> Passage:
    """These tokens of a text, marked as the subject of the question, and the tokens around them."""
    shown = range(max(0, tokens.start - _AROUND), min(len(text.trace), tokens.stop + _AROUND))
    return passage(text, shown, dict.fromkeys(tokens, GIVEN))


def experts_of(trace: RoutingTrace, site: int, token: int) -> list[tuple[int, float]]:
    """The experts that a token chose, with their gating weights, the largest first."""
    slots = zip(trace.expert_ids[site, token].tolist(), trace.gate_weights[site, token].tolist(), strict=True)
    return sorted(((expert, weight) for expert, weight in slots if expert != NO_EXPERT), key=lambda one: -one[1])


def spaced(value: float, step: float, low: float, high: float, rng: Random) -> list[float] | None:
    """`CHOICES` numbers, `step` apart and within the bounds; one of them is `value`, at a random place."""
    places = [
        place
        for place in range(CHOICES)
        if value - place * step >= low and value + (CHOICES - 1 - place) * step <= high
    ]
    if not places:
        return None
    place = rng.choice(places)
    return [value + (index - place) * step for index in range(CHOICES)]
