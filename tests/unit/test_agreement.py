"""Two traces agree up to rounding, and no further."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moe_viz.data.router_site import Scoring
from tests.agreement import difference
from tests.invented import make_trace, route

BIASED = Scoring("sigmoid", normalized=True, selection_bias=(0.3, -0.2, 0.0, 0.1, 0.0, 0.2, -0.1, 0.0))
RULES = [Scoring("softmax", normalized=True), Scoring("sqrtsoftplus", normalized=False), BIASED]


def changed(trace, **parts):
    """A copy with `part=(index, value)` set."""
    arrays = {}
    for part, (where, value) in parts.items():
        arrays[part] = getattr(trace, part).copy()
        arrays[part][where] = value
    return replace(trace, **arrays)


def routed_again(trace, noise: float):
    """The same text on another processor: logits with a little noise, routed by the same rule."""
    rng = np.random.default_rng(1)
    logits = trace.router_logits + rng.uniform(-noise, noise, trace.router_logits.shape).astype(np.float32)
    ids, weights = trace.expert_ids.copy(), trace.gate_weights.copy()
    for s, site in enumerate(trace.sites):
        for t in range(len(trace)):
            ids[s, t], weights[s, t] = route(logits[s, t], site.top_k, site.scoring)
    return replace(trace, expert_ids=ids, gate_weights=weights, router_logits=logits)


@pytest.mark.parametrize("rule", RULES)
def test_rounding_is_allowed_and_near_ties_may_fall_either_way(rule):
    trace = make_trace(tokens=200, sites=1, scoring=rule)
    trace = routed_again(replace(trace, router_logits=trace.router_logits.round()), 0)  # many of them equal
    again = routed_again(trace, 1e-4)
    assert (trace.expert_ids != again.expert_ids).any(), "no tie fell the other way: the test shows nothing"
    assert difference(trace, again) is None


@pytest.mark.parametrize("rule", [*RULES, None])
def test_one_other_expert_is_noticed_and_where(rule):
    trace = make_trace(scoring=rule)
    left_out = np.setdiff1d(np.arange(8), trace.expert_ids[1, 3])[0]
    found = difference(trace, changed(trace, expert_ids=((1, 3, 1), left_out)))
    assert f"model.layers.1.mlp, token 3, slot 1: experts {trace.expert_ids[1, 3, 1]} and {left_out}" in found


def test_a_lost_expert_a_weight_a_logit_and_a_token_are_noticed():
    trace = make_trace()
    lost = changed(trace, expert_ids=((0, 2, 1), -1), gate_weights=((0, 2, 1), 0))
    assert "token 2, slot 1" in difference(trace, lost)
    assert "token 4: gating" in difference(
        trace, changed(trace, gate_weights=((2, 4, 0), trace.gate_weights[2, 4, 0] * 1.001))
    )
    assert "token 5: logits" in difference(
        trace, changed(trace, router_logits=((2, 5, 0), trace.router_logits[2, 5, 0] + 0.01))
    )
    assert difference(trace, changed(trace, token_ids=(6, 1001))) == "the tokens differ"
    assert difference(trace, changed(trace, token_ids=(6, 1001)), tokens=6) is None


def test_only_what_comes_after_a_near_tie_is_let_be():
    trace = make_trace()
    ids, weights = trace.expert_ids.copy(), trace.gate_weights.copy()
    logits = trace.router_logits.copy()
    first, second = ids[1, 3]
    logits[1, 3, second] = logits[1, 3, first]
    weights[1, 3] = 0.5
    tied = replace(trace, router_logits=logits, gate_weights=weights)
    turned = changed(tied, expert_ids=((1, 3), [second, first]))
    assert difference(tied, turned) is None
    for site, token, noticed in ((2, 2, True), (2, 3, False), (2, 5, False), (1, 5, True), (0, 6, True)):
        further = changed(turned, router_logits=((site, token, 0), 9.0))
        assert (difference(tied, further) is not None) == noticed
