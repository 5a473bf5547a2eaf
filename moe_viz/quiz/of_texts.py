"""Questions that compare texts by their loads."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import pandas as pd

from moe_viz.data.scores import Array
from moe_viz.data.trace import RoutingTrace
from moe_viz.metrics.load import expert_counts, load
from moe_viz.metrics.similarity import load_distance
from moe_viz.quiz.question import (
    CHOICES,
    GIVEN,
    AnswerChoice,
    Kind,
    Passage,
    Question,
    Text,
    choosing,
    layer_name,
    passage,
)

_LEAST = 24
"""The smallest number of tokens for a load."""
_FARTHER, _CLOSER = 0.05, 0.1
"""How much farther apart the loads of the right layer must be than any other's, and how much closer the right text."""
_SHOWN = 40
"""Tokens of each text that are shown."""
_DRAWS = 100


def _layer_apart(texts: Sequence[Text], rng: Random) -> Question | None:
    """In which of some layers do two texts differ most, by the distance of their loads?"""
    long = [text for text in texts if len(text.trace) >= _LEAST]
    if len(long) < 2 or long[0] is not texts[0]:
        return None
    one, other = long[0], rng.choice(long[1:])
    distances = load_distance(expert_counts(one.trace), expert_counts(other.trace))
    sites = choosing(one.trace)
    for _ in range(_DRAWS):
        offered = rng.sample(sites, min(CHOICES, len(sites)))
        order = sorted(offered, key=lambda site: -distances[site])
        if not distances[order[0]] - distances[order[1]] >= _FARTHER:
            continue
        return Question(
            "layer_apart",
            {
                "text_one": one.name,
                "text_other": other.name,
                "layer": layer_name(one.trace, order[0]),
                "distance": float(distances[order[0]]),
                "least": layer_name(one.trace, order[-1]),
                "least_distance": float(distances[order[-1]]),
            },
            tuple(
                AnswerChoice("choice", {"layer": layer_name(one.trace, site), "distance": float(distances[site])})
                for site in offered
            ),
            offered.index(order[0]),
            tuple(_beginning(text) for text in (one, other)),
            pd.DataFrame(
                {
                    "layer": [layer_name(one.trace, site) for site in sites],
                    "distance": distances[sites],
                    "choice": [offered.index(site) if site in offered else None for site in sites],
                }
            ),
        )
    return None


def _hidden_text(texts: Sequence[Text], rng: Random) -> Question | None:
    """Which text does a load of a second half belong to, given the loads of all first halves?"""
    long = [text for text in texts if len(text.trace) >= 2 * _LEAST]
    if len(long) < CHOICES:
        return None
    offered = rng.sample(long[:CHOICES], CHOICES)
    sites = choosing(offered[0].trace)
    asked = [(site, right) for site in sites for right in range(CHOICES)]
    first = np.stack([_load(text.trace, half=0) for text in offered])
    for site, right in rng.sample(asked, len(asked)):
        hidden = _load(offered[right].trace, half=1)[site]
        distances = load_distance(first[:, site], hidden)
        if not np.delete(distances, right).min() - distances[right] >= _CLOSER:
            continue
        experts = offered[0].trace.sites[site].num_experts
        rows = {GIVEN: hidden} | dict(enumerate(first[:, site]))
        return Question(
            "hidden_text",
            {
                "layer": layer_name(offered[0].trace, site),
                "text_right": offered[right].name,
                "distance": float(distances[right]),
                "next": float(np.delete(distances, right).min()),
            },
            tuple(
                AnswerChoice("choice", {"text_name": text.name, "distance": float(distance)})
                for text, distance in zip(offered, distances, strict=True)
            ),
            right,
            tuple(_beginning(text, choice) for choice, text in enumerate(offered)),
            pd.DataFrame(
                [(choice, expert, shares[expert]) for choice, shares in rows.items() for expert in range(experts)],
                columns=["choice", "expert", "load"],
            ),
        )
    return None


def _load(trace: RoutingTrace, half: int) -> Array:
    """The load of a text's first or second half, `[site expert]`."""
    second = np.arange(len(trace)) >= len(trace) // 2
    return load(expert_counts(trace, second if half else ~second))


def _beginning(text: Text, choice: int | None = None) -> Passage:
    return passage(text, range(min(_SHOWN, len(text.trace))), choice=choice)


LAYER_APART = Kind("layer_apart", lambda trace: len(choosing(trace)) > 2, _layer_apart)
HIDDEN_TEXT = Kind("hidden_text", lambda trace: bool(choosing(trace)), _hidden_text)
