"""Questions about single tokens: where they go, and how sure the router is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from random import Random

import numpy as np
import pandas as pd

from moe_viz.data.scores import entropy, site_scores
from moe_viz.data.trace import RoutingTrace
from moe_viz.quiz.question import (
    CHOICES,
    GIVEN,
    AnswerChoice,
    Kind,
    Question,
    Text,
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

_HALF = 0.5
"""A token counts as going to an expert if the expert has at least this share of its largest gating weight."""
_APART = 0.1
"""How much larger the right token's entropy must be than any other token's: a share of ln(experts)."""
_DRAWS = 200


def _same_expert(texts: Sequence[Text], rng: Random) -> Question | None:
    """Which token goes to the expert that another token went to first?

    The right token has a considerable gating weight there; the wrong tokens did not go there at all.
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
                AnswerChoice("choice", {"token": shown_token(trace, t), "experts": _listed(trace, site, t)})
                for t in tokens
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
    """For which token is the router least sure: which scores have the largest entropy, by a clear distance?"""
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
                AnswerChoice(
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
    """The routers that choose by their scores and have known scores."""
    by_score = (i for i in choosing(trace) if (own := trace.sites[i].scoring) is not None and not own.by_token)
    return [i for i in by_score if trace.router_logits is not None and trace.sites[i].num_experts > 2]


def _in_any_order(rng: Random, sites: list[int], tokens: list[int]) -> list[tuple[int, int]]:
    pairs = list(product(sites, tokens))
    return rng.sample(pairs, len(pairs))


def _listed(trace: RoutingTrace, site: int, token: int) -> str:
    """A token's experts with their gating weights."""
    return ", ".join(f"{expert} ({weight:.2f})" for expert, weight in experts_of(trace, site, token))


SAME_EXPERT = Kind("same_expert", lambda trace: bool(choosing(trace)), _same_expert)
LEAST_SURE = Kind("least_sure", lambda trace: bool(_deciding_by_score(trace)), _least_sure)
