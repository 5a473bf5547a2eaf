"""The order of the questions: it follows from a seed, so that a class gets the same questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from moe_viz.data.provenance import Provenance
from moe_viz.data.trace import RoutingTrace
from moe_viz.probes import probe_texts
from moe_viz.quiz.of_counts import HOW_MANY, SHARE_HELD
from moe_viz.quiz.of_places import SAME_TOKEN
from moe_viz.quiz.of_texts import HIDDEN_TEXT, LAYER_APART
from moe_viz.quiz.of_tokens import LEAST_SURE, SAME_EXPERT
from moe_viz.quiz.question import CHOICES, Kind, Question, Text

KINDS = {
    kind.name: kind for kind in (SAME_EXPERT, HOW_MANY, LEAST_SURE, LAYER_APART, SAME_TOKEN, SHARE_HELD, HIDDEN_TEXT)
}
"""Every kind by name, in the order in which the score lists them."""
OWN = "own"
"""The name of a person's own text."""
MAX_SEED = 2**31 - 1
_ATTEMPTS = 3
"""How many times other texts are drawn if no question of the next kind can be asked about the first ones."""

Read = Callable[[Sequence[str]], Sequence[RoutingTrace]]


class Asked(NamedTuple):
    """A question, and the text that it is about."""

    question: Question
    name: str
    """The name of the text that it is about."""
    text: str
    provenance: Provenance
    routers: int


def ask(read: Read, seed: int, number: int, own: str = "") -> Asked | None:
    """Question `number` of a seed, counted from 0; None if no question can be asked.

    It is about passages of the examples or, if there is one, about a person's own text, which is
    compared with them. Each kind comes once before any kind comes again. `read` routes texts through the
    model; the errors that it raises are passed on.
    """
    for attempt in range(_ATTEMPTS):
        rng = Random(f"{seed} {number} {attempt}")
        drawn = _texts(rng, own)
        texts = [Text(name, trace) for name, trace in zip(drawn, read(list(drawn.values())), strict=True)]
        name, trace = texts[0]
        turn = _turn(seed, number, trace)
        for kind in turn[:1] if attempt < _ATTEMPTS - 1 else turn:
            if question := kind.ask(texts, rng):
                return Asked(question, name, drawn[name], trace.provenance, len(trace.sites))
    return None


def _texts(rng: Random, own: str) -> dict[str, str]:
    """The texts of one question by name: each of a different kind, the person's own text first."""
    kinds = rng.sample(list(probe_texts()), CHOICES)
    texts = {kind: rng.choice(probe_texts()[kind]) for kind in kinds}
    return {OWN: own} | dict(list(texts.items())[1:]) if own else texts


def _turn(seed: int, number: int, trace: RoutingTrace) -> list[Kind]:
    """The kinds of question that fit the model, beginning with the next one."""
    fitting = [kind for kind in KINDS.values() if kind.fits(trace)]
    if not fitting:
        return []
    rounds, place = divmod(number, len(fitting))
    order = Random(f"{seed} round {rounds}").sample(fitting, len(fitting))
    return order[place:] + order[:place]
