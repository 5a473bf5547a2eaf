"""The question about one token in two places: what the text around it changes."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import numpy as np
import pandas as pd

from moe_viz.data.arrays import NO_EXPERT, Flags
from moe_viz.data.trace import RoutingTrace
from moe_viz.quiz.question import (
    AnswerChoice,
    Kind,
    Question,
    Text,
    around,
    choosing,
    first_choices,
    layer_name,
    shown_token,
    word,
)

_PAIRS = 4
"""Pairs of places per token that are tried."""
_ANSWERS = {"every": 1, "most": 3, "few": 3, "none": 1}
"""In how many layers two places go to the same expert, and how many layers there must be to say so."""


def _same_token(texts: Sequence[Text], rng: Random) -> Question | None:
    """One token in two places: in how many layers do both have the same first choice?

    Layers where a first choice is not sure must not decide which answer is right.
    """
    routed = [_Firsts(text.trace) for text in texts]
    layers = len(routed[0].experts)
    found: dict[str, list[tuple[_Place, _Place]]] = {}
    for one, other in _twice(texts, rng):
        (a, b), same = _pair(routed, one, other)
        least, most = int((same & a & b).sum()), int((same | ~(a & b)).sum())
        answer = _how_often(least, layers)
        if answer is not None and answer == _how_often(most, layers):
            found.setdefault(answer, []).append((one, other))
    if not found:
        return None
    answer = rng.choice(sorted(found))
    one, other = rng.choice(found[answer])
    _, same = _pair(routed, one, other)
    trace = texts[0].trace
    answers = [key for key, needed in _ANSWERS.items() if layers >= needed]
    return Question(
        "same_token",
        {"token": shown_token(trace, one.token), "layers": layers, "same": int(same.sum())},
        tuple(AnswerChoice(key, {}) for key in answers),
        answers.index(answer),
        tuple(around(texts[place.text], range(place.token, place.token + 1)) for place in (one, other)),
        pd.DataFrame(
            {
                "layer": [layer_name(trace, site) for site in choosing(trace)],
                "first": routed[one.text].experts[:, one.token],
                "second": routed[other.text].experts[:, other.token],
                "same": same,
            }
        ),
    )


class _Place(NamedTuple):
    text: int
    token: int


class _Firsts:
    """A text's first choices at the routers that leave experts out, `[router token]`, and which of them are sure."""

    def __init__(self, trace: RoutingTrace) -> None:
        pairs = [first_choices(trace, site) for site in choosing(trace)]
        self.experts = np.stack([experts for experts, _ in pairs])
        self.sure = np.stack([sure for _, sure in pairs])


def _pair(routed: Sequence[_Firsts], one: _Place, other: _Place) -> tuple[tuple[Flags, Flags], Flags]:
    """Where the first choices of two places are sure, `[router]` each, and where they are the same, `[router]`."""
    a, b = routed[one.text], routed[other.text]
    first, second = a.experts[:, one.token], b.experts[:, other.token]
    same: Flags = (first == second) & (first != NO_EXPERT)
    return (a.sure[:, one.token], b.sure[:, other.token]), same


def _twice(texts: Sequence[Text], rng: Random) -> list[tuple[_Place, _Place]]:
    """Some pairs of places with the same token, one of them in the first text."""
    places: dict[int, list[_Place]] = {}
    for number, text in enumerate(texts):
        for token in range(len(text.trace)):
            if word(text.trace, token):
                places.setdefault(int(text.trace.token_ids[token]), []).append(_Place(number, token))
    pairs = []
    for several in places.values():
        here = [place for place in several if place.text == 0]
        if here and len(several) > 1:
            for _ in range(_PAIRS):
                one = rng.choice(here)
                pairs.append((one, rng.choice([place for place in several if place != one])))
    return pairs


def _how_often(count: int, layers: int) -> str | None:
    """The answer for a number of layers; None for exactly half of the layers, which has no answer."""
    if count in {0, layers}:
        return "every" if count else "none"
    return None if 2 * count == layers else "most" if 2 * count > layers else "few"


SAME_TOKEN = Kind("same_token", lambda trace: bool(choosing(trace)), _same_token)
