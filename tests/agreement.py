"""Whether two traces of one text agree up to rounding.

The same tensors in the same memory give the same bits. Two copies of a model need not: where memory
lies, how many texts share a pass, a cache, the number of threads and the processor all decide in which
order a sum is taken, and so how it is rounded. Their logits and weights are close, then, and their
experts equal but at near ties; behind a near tie that fell the other way, nothing need be close.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.arrays import NO_EXPERT
from moe_viz.data.router_site import RouterSite
from moe_viz.data.scores import router_scores, selection_scores
from moe_viz.data.trace import RoutingTrace

ROUNDING = {"float32": 1e-4, "bfloat16": 0.05}
"""By how much of the largest of its kind a number may differ. Between instruction sets, logits of tiny models
of all families did by 3e-5 in float32, and where no near tie came before by 0.01 in bfloat16."""


def assert_agree(one: RoutingTrace, other: RoutingTrace, tokens: int | None = None) -> None:
    """Fail, and say where, if the first `tokens` tokens (by default all) differ beyond rounding."""
    found = difference(one, other, tokens)
    assert found is None, found


def difference(one: RoutingTrace, other: RoutingTrace, tokens: int | None = None) -> str | None:
    """Where the first `tokens` tokens (by default all) of two traces differ beyond rounding; None if nowhere."""
    if one.token_ids[:tokens].tolist() != other.token_ids[:tokens].tolist():
        return "the tokens differ"
    if [site.name for site in one.sites] != [site.name for site in other.sites]:
        return "the routers differ"
    rounding = max(ROUNDING[trace.provenance.dtype] for trace in (one, other))
    alike = np.ones(len(one.token_ids[:tokens]), dtype=bool)
    """Tokens before which no near tie fell the other way."""
    for index, site in enumerate(one.sites):
        pairs = [(trace.expert_ids[index, :tokens], trace.gate_weights[index, :tokens]) for trace in (one, other)]
        logits = [trace.router_logits[index, :tokens, : site.num_experts] for trace in (one, other)]
        found, turned = _at_router(site, pairs, logits, alike, rounding)
        if found:
            return f"{site.name}, {found}"
        if turned.any():
            alike[0 if site.stack == "encoder" else turned.argmax() :] = False
    return _in_prediction(one, other, alike, rounding)


def _at_router(
    site: RouterSite, pairs: list[tuple[NDArray, NDArray]], logits: list[NDArray], alike: NDArray, rounding: float
) -> tuple[str | None, NDArray]:
    """What differs at one router, and for which tokens, `[token]`, a near tie fell the other way.

    No score changes by more than its own size times the change of its logit, and no weight, which may be
    divided by a sum of scores, by more than twice that.
    """
    (ids, weights), (other_ids, other_weights) = pairs
    bound = rounding * np.abs(logits[0], where=np.isfinite(logits[0]), out=np.zeros_like(logits[0])).max()
    turned = np.zeros(len(ids), dtype=bool)
    for token in np.flatnonzero(alike):
        a, b = logits[0][token], logits[1][token]
        if not np.allclose(a, b, rtol=0, atol=bound, equal_nan=True):
            return f"token {token}: logits {a} and {b}; rounding explains {bound:.2g}", turned
        finite = np.isfinite(a)
        explained = 2 * np.abs(a - b, where=finite, out=np.zeros_like(a)).max() + rounding
        for slot in np.flatnonzero(ids[token] != other_ids[token]):
            first, second = int(ids[token, slot]), int(other_ids[token, slot])
            if not near_tie(site, a, first, second, explained):
                said = f"token {token}, slot {slot}: experts {first} and {second}, which are no near tie"
                return f"{said} by the logits {a}", turned
            turned[token] = True
        if not turned[token] and np.abs(weights[token] - other_weights[token]).max() > explained * weights[token].max():
            return f"token {token}: gating weights {weights[token]} and {other_weights[token]}", turned
    return None, turned


def near_tie(site: RouterSite, logits: NDArray, first: int, second: int, explained: float) -> bool:
    """Whether either of two experts may come first by logits, `[expert]`.

    `explained` is how far logits may be off, and scores as a share of their size.
    """
    if NO_EXPERT in (first, second) or (site.scoring is not None and site.scoring.by_token):
        return False
    scores = router_scores(logits, site.scoring)
    if scores is None or site.scoring is None:
        return bool(abs(logits[first] - logits[second]) <= explained)
    wanted = selection_scores(scores, site.scoring)
    size = 1.0 if site.scoring.bias_on_logits else max(scores[first], scores[second])
    return bool(abs(wanted[first] - wanted[second]) <= explained * size)


def _in_prediction(one: RoutingTrace, other: RoutingTrace, alike: NDArray, rounding: float) -> str | None:
    if one.next_tokens is None or other.next_tokens is None:
        return None if one.next_tokens is other.next_tokens else "only one of them has next tokens"
    for token in np.flatnonzero(alike):
        a, b = (trace.next_tokens.probabilities[token] for trace in (one, other))
        if not np.allclose(a, b, rtol=10 * rounding, atol=rounding * a.max()):
            return f"token {token}: probabilities of next tokens {a} and {b}"
    return None
