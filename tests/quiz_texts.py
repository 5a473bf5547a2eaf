"""Texts with an invented routing that depends on what is read: by the word, by the text, and by chance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from zlib import crc32

import numpy as np

from moe_viz.data.arrays import NO_EXPERT
from moe_viz.data.router_site import Scoring
from moe_viz.data.trace import RoutingTrace
from tests.invented import SOFTMAX, make_trace

_WORDS = 5_000

SHAPES = {
    "as bundled": {"experts": [16] * 6, "top_k": 2},
    "one layer": {"experts": [8], "top_k": 2},
    "top-1": {"experts": [16] * 3, "top_k": 1},
    "64 experts": {"experts": [64] * 5, "top_k": 8},
    "of several sizes": {"experts": [4, 9, 32, 2], "top_k": 2},
    "sigmoid": {
        "experts": [16] * 4,
        "top_k": 2,
        "scoring": Scoring("sigmoid", normalized=True, scale=2.5),
        "shift": -4.0,
    },
    "no scores": {"experts": [16] * 4, "top_k": 2, "scoring": None},
    "no logits": {"experts": [16] * 4, "top_k": 2, "logits": False},
    "dropping": {"experts": [16] * 4, "top_k": 1, "dropped": 0.3},
}


def routed(
    text: str,
    *,
    experts: Sequence[int],
    top_k: int,
    scoring: Scoring | None = SOFTMAX,
    logits: bool = True,
    dropped: float = 0.0,
    shift: float = 0.0,
) -> RoutingTrace:
    """A text as an invented model routes it: the same text always in the same way."""
    pieces = re.findall(r"\s?\w+|\W", text)
    words = np.array([crc32(piece.encode()) % _WORDS for piece in pieces])
    rng = np.random.default_rng(crc32(text.encode()))
    shape = (len(experts), len(pieces))
    drawn = np.full((*shape, max(experts)), np.nan, dtype=np.float32)
    ids, weights = np.empty((*shape, top_k), dtype=np.int16), np.empty((*shape, top_k), dtype=np.float32)
    for site, count in enumerate(experts):
        of_text, by_chance = rng.normal(size=count), rng.normal(scale=0.2 + 0.4 * site, size=(len(pieces), count))
        of_word = np.random.default_rng(site).normal(scale=1.5, size=(_WORDS, count))[words]
        drawn[site, :, :count] = shift + of_text + of_word + by_chance
        powers = np.exp(drawn[site, :, :count].astype(np.float64))
        scores = powers / (1 + powers) if scoring and scoring.function == "sigmoid" else powers
        ids[site] = np.argsort(-scores, axis=1)[:, :top_k]
        weights[site] = np.take_along_axis(scores, ids[site].astype(int), axis=1)
        weights[site] /= weights[site].sum(axis=1, keepdims=True)
    gone = rng.random(ids.shape) < dropped
    model = make_trace(tokens=1, experts=experts, top_k=top_k, scoring=scoring)
    return RoutingTrace(
        tokens=tuple(pieces),
        token_names=tuple(pieces),
        token_ids=words,
        generated=np.zeros(len(pieces), dtype=bool),
        sites=model.sites,
        expert_ids=np.where(gone, NO_EXPERT, ids),
        gate_weights=np.where(gone, 0, weights),
        router_logits=drawn if logits else None,
        provenance=model.provenance,
    )
