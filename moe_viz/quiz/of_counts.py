"""Questions about one layer's work on a text: how many experts it uses, how much of the probability they hold."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import pandas as pd

from moe_viz.data.arrays import NO_EXPERT
from moe_viz.data.scores import site_scores
from moe_viz.data.trace import RoutingTrace
from moe_viz.lessons.batch import experts_used_if_uniform
from moe_viz.quiz.question import (
    AnswerChoice,
    Kind,
    Question,
    Text,
    around,
    choosing,
    layer_name,
    passage,
    spaced,
    window,
)

_BATCHES = (4, 8, 16, 32)
"""Tokens in a batch."""
_FEWEST = 8
"""With fewer experts in a layer, four answers are not far enough apart."""
_STEP = 0.1
"""The distance between two answers that are shares."""


def _how_many(texts: Sequence[Text], rng: Random) -> Question | None:
    """How many distinct experts do some tokens use in a layer?"""
    trace = texts[0].trace
    sites = _large(trace)
    for site in rng.sample(sites, len(sites)):
        tokens = window(trace, rng, rng.choice([size for size in _BATCHES if size <= len(trace)] or [len(trace)]))
        own = trace.sites[site]
        ids = trace.expert_ids[site, tokens.start : tokens.stop]
        counts = np.bincount(ids[ids != NO_EXPERT], minlength=own.num_experts)
        distinct = int((counts > 0).sum())
        most = min(own.num_experts, len(tokens) * own.top_k)
        numbers = spaced(distinct, max(2, own.num_experts // 8), 1, most, rng)
        if numbers is None:
            continue
        return Question(
            "how_many",
            {
                "tokens": len(tokens),
                "layer": layer_name(trace, site),
                "experts": own.num_experts,
                "top_k": own.top_k,
                "distinct": distinct,
                "uniform": experts_used_if_uniform(own.num_experts, own.top_k, len(tokens)),
                "busiest": int(counts.argmax()),
                "taken": int(counts.max()),
            },
            tuple(AnswerChoice("choice", {"distinct": int(number)}) for number in numbers),
            numbers.index(distinct),
            (around(texts[0], tokens),),
            pd.DataFrame({"expert": range(own.num_experts), "tokens": counts}),
        )
    return None


def _large(trace: RoutingTrace) -> list[int]:
    return [site for site in choosing(trace) if trace.sites[site].num_experts >= _FEWEST]


def _share_held(texts: Sequence[Text], rng: Random) -> Question | None:
    """How much of the router's probability do the chosen experts hold together, on average over a text?"""
    trace = texts[0].trace
    sites = _of_probabilities(trace)
    held = {site: _held(trace, site) for site in sites}
    for site in rng.sample(sites, len(sites)):
        own = trace.sites[site]
        shares = spaced(held[site], _STEP, own.top_k / own.num_experts, 1.0, rng)
        if shares is None:
            continue
        return Question(
            "share_held",
            {
                "layer": layer_name(trace, site),
                "tokens": len(trace),
                "top_k": own.top_k,
                "experts": own.num_experts,
                "held": held[site],
                "even": own.top_k / own.num_experts,
                "left_out": own.num_experts - own.top_k,
                "rest": 1 - held[site],
            },
            tuple(AnswerChoice("choice", {"share": share}) for share in shares),
            shares.index(held[site]),
            (passage(texts[0], window(trace, rng)),),
            pd.DataFrame(
                {
                    "layer": [layer_name(trace, one) for one in sites],
                    "held": list(held.values()),
                    "asked": [one == site for one in sites],
                }
            ),
        )
    return None


def _of_probabilities(trace: RoutingTrace) -> list[int]:
    """The routers whose scores are known and are probabilities."""
    softmax = (i for i in choosing(trace) if (own := trace.sites[i].scoring) is not None and own.function == "softmax")
    return [] if trace.router_logits is None else list(softmax)


def _held(trace: RoutingTrace, site: int) -> float:
    """The scores of a token's experts, added up; mean over the tokens."""
    scores, ids = site_scores(trace, site), trace.expert_ids[site]
    assert scores is not None  # as `fits` has it
    taken = np.take_along_axis(scores, np.maximum(ids, 0).astype(np.intp), axis=1)
    return float(np.where(ids == NO_EXPERT, 0, taken).sum(axis=1).mean())


HOW_MANY = Kind("how_many", lambda trace: bool(_large(trace)), _how_many)
SHARE_HELD = Kind("share_held", lambda trace: bool(_of_probabilities(trace)), _share_held)
