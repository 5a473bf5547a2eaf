"""A made-up corpus without any symmetry, so that nothing can stand in another's place unseen.

Domains in no alphabetical order and of unlike sizes, layers that are not numbered as the routers are,
3, 64 and 8 experts of which a token takes 1, 3 and 2, experts that are never used beside ones that
hardly are, routers that follow the domain, the token and the router before.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import cache

import numpy as np

from moe_viz.data.router_site import RouterSite
from moe_viz.data.trace import NextTokens, RoutingTrace
from moe_viz.profiles.expert_profile import ExpertProfile
from tests.invented import SOFTMAX, make_trace, route

DOMAINS = {"zulu <b>": 9, "python": 12, "chess": 7, "english_fiction": 10}
"""Documents of each. Two have no title of their own, or not the place of their name in the alphabet."""
LAYERS, EXPERTS, TOP_K = (1, 4, 5), (3, 64, 8), (1, 3, 2)
VOCABULARY = 23
_UNUSED = {1: (0, 17, 40), 2: (6,)}
_RARE = {1: (5, 33), 2: (3,)}


@cache
def traces() -> dict[str, tuple[RoutingTrace, ...]]:
    """Every document as it was routed, by domain."""
    rng = np.random.default_rng(7)
    tastes = [rng.normal(scale=0.9, size=(len(DOMAINS), experts)) for experts in EXPERTS]
    words = [rng.normal(scale=1.1, size=(VOCABULARY, experts)) for experts in EXPERTS]
    follows = [rng.normal(scale=1.4, size=(before, here)) for before, here in itertools.pairwise(EXPERTS)]
    found = {}
    for index, (domain, documents) in enumerate(DOMAINS.items()):
        made = []
        for document in range(documents):
            tokens = 45 + 7 * ((3 * index + document) % 5)
            made.append(_document(rng, tokens, [t[index] for t in tastes], words, follows))
        found[domain] = tuple(made)
    return found


@cache
def profile() -> ExpertProfile:
    """The corpus as counts."""
    return ExpertProfile.of_traces(traces())


@cache
def one_text() -> RoutingTrace:
    """One document, with what the model expected next, of which some came true."""
    trace = traces()["python"][2]
    rng = np.random.default_rng(3)
    ids = rng.integers(1000, 2000, (len(trace), 4))
    for token in range(0, len(trace) - 1, 2):
        ids[token, token % 4] = trace.token_ids[token + 1]
    probabilities = -np.sort(-rng.dirichlet(np.ones(6), len(trace))[:, :4], axis=1)
    texts = tuple(tuple(f" w{i}" for i in row) for row in ids)
    return replace(trace, next_tokens=NextTokens(ids, probabilities.astype(np.float32), texts))


def _document(rng, tokens, taste, words, follows) -> RoutingTrace:
    blank = make_trace(tokens=tokens, experts=list(EXPERTS), top_k=list(TOP_K), generated=0)
    frequent = rng.random(tokens) < 0.3
    word = np.where(frequent, 4, rng.integers(0, VOCABULARY, tokens))
    ids, weights, logits = blank.expert_ids.copy(), blank.gate_weights.copy(), blank.router_logits.copy()
    ids[:], weights[:] = -1, 0
    for token in range(tokens):
        for site, (experts, k) in enumerate(zip(EXPERTS, TOP_K, strict=True)):
            drawn = taste[site] + words[site][word[token]] + rng.normal(scale=0.7, size=experts)
            if site:
                drawn = drawn + follows[site - 1][ids[site - 1, token, 0]]
            for expert in _UNUSED.get(site, ()):
                drawn[expert] = -30
            for expert in _RARE.get(site, ()):
                drawn[expert] = 30 if rng.random() < 0.004 else -20
            drawn = drawn.astype(np.float32)
            logits[site, token, :experts] = drawn
            ids[site, token, :k], weights[site, token, :k] = route(drawn, k, SOFTMAX)
    texts = tuple(f" t{number}" for number in word)
    sites = tuple(
        RouterSite(f"model.layers.{layer}.mlp", layer, experts, k, "decoder", SOFTMAX)
        for layer, experts, k in zip(LAYERS, EXPERTS, TOP_K, strict=True)
    )
    return replace(
        blank,
        tokens=texts,
        token_names=texts,
        token_ids=word.astype(blank.token_ids.dtype),
        sites=sites,
        expert_ids=ids,
        gate_weights=weights,
        router_logits=logits,
    )
