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
"""No more tokens of a text are shown."""
_AROUND = 12
"""So many tokens are shown on either side of what a question is about."""
CLOSE = 0.95
"""A first choice is not sure where the second largest gating weight is a larger share of the largest."""


class Text(NamedTuple):
    """A text, and how the model in use routes it."""

    name: str
    trace: RoutingTrace


@dataclass(frozen=True)
class Choice:
    """One answer to choose from."""

    key: str
    """Which of its kind's sentences says it."""
    values: Mapping[str, Any]
    """What that sentence names, and the one that says what was measured of this choice."""


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
    """One question with its answers, of which one is right, and what shows that it is."""

    kind: str
    numbers: Mapping[str, Any]
    """What the kind's sentences name; the name of a text under a key that begins with `text_`."""
    choices: tuple[Choice, ...]
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
    """Whether such a question makes sense of the model that a trace is of."""
    ask: Callable[[Sequence[Text], Random], Question | None]
    """Makes one about the first of some texts; None where none would be fair."""


def choosing(trace: RoutingTrace) -> list[int]:
    """The routers that leave experts out, as indices of the trace's sites: the others decide nothing."""
    return [index for index, site in enumerate(trace.sites) if site.top_k < site.num_experts]


def layer_name(trace: RoutingTrace, site: int) -> str:
    """What to call a router: its layer, and which one it is where a layer has several."""
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
    """So many tokens that follow each other, from anywhere in the text; all of a shorter one."""
    start = rng.randrange(max(1, len(trace) - size + 1))
    return range(start, min(len(trace), start + size))


def word(trace: RoutingTrace, token: int) -> str:
    """A token as it is written, without what is around it; empty where it has no letter or digit to be known by."""
    text = trace.tokens[token].strip()
    return visible(text).casefold() if any(c.isalnum() for c in text) else ""


def different_words(trace: RoutingTrace, tokens: Iterable[int], besides: Iterable[str] = ()) -> list[int]:
    """Of the tokens that can be told by their word, one for each word that is not among `besides`."""
    found = dict.fromkeys(besides, GIVEN) | {"": GIVEN}
    for token in tokens:
        found.setdefault(word(trace, token), token)
    return [token for token in found.values() if token != GIVEN]


def shown_token(trace: RoutingTrace, token: int) -> str:
    """A token within a sentence: what is written, on one line."""
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
    """These tokens of a text, marked as what the question is about, and what stands around them."""
    shown = range(max(0, tokens.start - _AROUND), min(len(text.trace), tokens.stop + _AROUND))
    return passage(text, shown, dict.fromkeys(tokens, GIVEN))


def experts_of(trace: RoutingTrace, site: int, token: int) -> list[tuple[int, float]]:
    """The experts that a token took with their gating weights, the largest first."""
    slots = zip(trace.expert_ids[site, token].tolist(), trace.gate_weights[site, token].tolist(), strict=True)
    return sorted(((expert, weight) for expert, weight in slots if expert != NO_EXPERT), key=lambda one: -one[1])


def spaced(value: float, step: float, low: float, high: float, rng: Random) -> list[float] | None:
    """`CHOICES` numbers, `step` apart and within the bounds, of which one is `value`, at a place drawn by lot."""
    places = [
        place
        for place in range(CHOICES)
        if value - place * step >= low and value + (CHOICES - 1 - place) * step <= high
    ]
    if not places:
        return None
    place = rng.choice(places)
    return [value + (index - place) * step for index in range(CHOICES)]
