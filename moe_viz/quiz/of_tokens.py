"""Questions about single tokens: where they go, and how sure the router is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from random import Random
from typing import NamedTuple

import numpy as np
import pandas as pd

from moe_viz.metrics.scores import entropy, site_scores
from moe_viz.quiz.question import (
    CHOICES,
    GIVEN,
    Choice,
    Kind,
    Question,
    Text,
    around,
    choosing,
    different_words,
    experts_of,
    first_choices,
    layer_name,
    passage,
    shown_token,
    window,
    word,
)
from moe_viz.trace import NO_EXPERT, Flags, RoutingTrace

_HALF = 0.5
"""A token is said to have gone to an expert where that has at least this share of its largest gating weight."""
_APART = 0.1
"""How much more unsure the router must be of the right token than of any other: a share of ln(experts)."""
_DRAWS = 200
_PAIRS = 4
"""Pairs of places that are looked at, of one token."""
_ANSWERS = {"every": 1, "most": 3, "few": 3, "none": 1}
"""In how many layers two places go to the same expert, and how many layers there must be to say so."""


def _same_expert(texts: Sequence[Text], rng: Random) -> Question | None:
    """Which token goes to the expert that another token went to first?

    The right one has a gating weight there that is no afterthought; the wrong ones did not go there at all.
    """
    trace = texts[0].trace
    shown = window(trace, rng)
    for site, given in _in_any_order(rng, choosing(trace), different_words(trace, shown)):
        first, sure = first_choices(trace, site)
        if not sure[given]:
            continue
        expert = int(first[given])
        ids, weights = trace.expert_ids[site], trace.gate_weights[site]
        held = np.where(ids == expert, weights, 0).max(axis=1)
        went = (held > 0) & (held >= _HALF * weights.max(axis=1))
        kept_away = ~(ids == expert).any(axis=1)
        takers = different_words(trace, (t for t in shown if went[t]), [word(trace, given)])
        if not takers:
            continue
        right = rng.choice(takers)
        seen = [word(trace, given), word(trace, right)]
        others = different_words(trace, (t for t in shown if kept_away[t]), seen)
        if len(others) < CHOICES - 1:
            continue
        tokens = rng.sample([right, *rng.sample(others, CHOICES - 1)], CHOICES)
        return Question(
            "same_expert",
            {
                "token": shown_token(trace, given),
                "expert": expert,
                "layer": layer_name(trace, site),
                "right": shown_token(trace, right),
                "weight": float(held[right]),
                "given_weight": float(held[given]),
            },
            tuple(
                Choice("choice", {"token": shown_token(trace, t), "experts": _listed(trace, site, t)}) for t in tokens
            ),
            tokens.index(right),
            (passage(texts[0], shown, {given: GIVEN} | {t: i for i, t in enumerate(tokens)}),),
            pd.DataFrame(
                [
                    (place, shown_token(trace, t), t, chosen, weight)
                    for place, t in enumerate([given, *tokens], GIVEN)
                    for chosen, weight in experts_of(trace, site, t)
                ],
                columns=["choice", "token", "position", "expert", "gating_weight"],
            ),
        )
    return None


def _least_sure(texts: Sequence[Text], rng: Random) -> Question | None:
    """Of which token is the router least sure: whose scores have the largest entropy, by a clear distance?"""
    trace = texts[0].trace
    shown = window(trace, rng)
    words = different_words(trace, shown)
    sites = _deciding_by_score(trace)
    if len(words) < CHOICES:
        return None
    for _ in range(_DRAWS):
        site = rng.choice(sites)
        tokens = rng.sample(words, CHOICES)
        scores = site_scores(trace, site)
        assert scores is not None  # as `fits` has it
        shares = scores[tokens] / scores[tokens].sum(axis=1, keepdims=True)
        nats = entropy(shares)
        order = np.argsort(-nats)
        experts = trace.sites[site].num_experts
        if not nats[order[0]] - nats[order[1]] >= _APART * np.log(experts):
            continue
        right = int(order[0])
        ranked = -np.sort(-shares, axis=1)
        return Question(
            "least_sure",
            {
                "layer": layer_name(trace, site),
                "experts": experts,
                "right": shown_token(trace, tokens[right]),
                "nats": float(nats[right]),
                "as_many": float(np.exp(nats[right])),
                "largest": float(ranked[right, 0]),
                "surest": shown_token(trace, tokens[int(order[-1])]),
                "surest_largest": float(ranked[order[-1], 0]),
            },
            tuple(
                Choice(
                    "choice",
                    {"token": shown_token(trace, t), "nats": float(n), "as_many": float(np.exp(n))},
                )
                for t, n in zip(tokens, nats, strict=True)
            ),
            right,
            (passage(texts[0], shown, {t: i for i, t in enumerate(tokens)}),),
            pd.DataFrame(
                [
                    (place, shown_token(trace, t), t, rank + 1, float(share))
                    for place, t in enumerate(tokens)
                    for rank, share in enumerate(ranked[place])
                ],
                columns=["choice", "token", "position", "rank", "share"],
            ),
        )
    return None


def _deciding_by_score(trace: RoutingTrace) -> list[int]:
    """The routers that choose by their scores, and whose scores are known."""
    by_score = (i for i in choosing(trace) if (own := trace.sites[i].scoring) is not None and not own.by_token)
    return [i for i in by_score if trace.router_logits is not None and trace.sites[i].num_experts > 2]


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
        tuple(Choice(key, {}) for key in answers),
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
    """The first choices of a text at the routers that choose, `[router token]`, and which of them are sure."""

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
    """Which answer says it; None for half of the layers, which none does."""
    if count in {0, layers}:
        return "every" if count else "none"
    return None if 2 * count == layers else "most" if 2 * count > layers else "few"


def _in_any_order(rng: Random, sites: list[int], tokens: list[int]) -> list[tuple[int, int]]:
    pairs = list(product(sites, tokens))
    return rng.sample(pairs, len(pairs))


def _listed(trace: RoutingTrace, site: int, token: int) -> str:
    """A token's experts with their gating weights."""
    return ", ".join(f"{expert} ({weight:.2f})" for expert, weight in experts_of(trace, site, token))


SAME_EXPERT = Kind("same_expert", lambda trace: bool(choosing(trace)), _same_expert)
LEAST_SURE = Kind("least_sure", lambda trace: bool(_deciding_by_score(trace)), _least_sure)
SAME_TOKEN = Kind("same_token", lambda trace: bool(choosing(trace)), _same_token)
