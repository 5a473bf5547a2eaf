"""Invented traces: random, small, valid, and routed by the rules that their sites state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moe_viz.data.arrays import NO_EXPERT
from moe_viz.data.provenance import Provenance
from moe_viz.data.router_site import RouterSite, Scoring
from moe_viz.data.trace import RoutingTrace

SOFTMAX = Scoring("softmax", normalized=True)
TEXTS = ("The", " cat", " sat", "\n", "\t", " 猫", "def", " area", "(", "):", "", " 3.14")


def make_trace(
    *,
    tokens: int = 7,
    experts: int | Sequence[int] = 8,
    top_k: int | Sequence[int] = 2,
    sites: int = 3,
    scoring: Scoring | Sequence[Scoring | None] | None = SOFTMAX,
    logits: bool = True,
    dropped: float = 0.0,
    generated: int = 2,
    shared_experts: int = 0,
    texts: Sequence[str] | None = None,
    stack: str = "decoder",
    seed: int = 0,
) -> RoutingTrace:
    """A trace of random logits, routed as `scoring` says (a softmax where it is None).

    `experts`, `top_k` and `scoring` are one value for all sites, or one a site. A share
    `dropped` of the slots takes no expert. `logits=False` leaves the logits out.
    """
    rng = np.random.default_rng(seed)
    each_experts = [experts] * sites if isinstance(experts, int) else list(experts)
    sites = len(each_experts)
    each_k = [top_k] * sites if isinstance(top_k, int) else list(top_k)
    each_scoring = [scoring] * sites if isinstance(scoring, Scoring) or scoring is None else list(scoring)

    ids = np.full((sites, tokens, max(each_k)), NO_EXPERT, dtype=np.int16)
    weights = np.zeros(ids.shape, dtype=np.float32)
    all_logits = np.full((sites, tokens, max(each_experts)), np.nan, dtype=np.float32)
    for s, (count, k, rule) in enumerate(zip(each_experts, each_k, each_scoring, strict=True)):
        drawn = rng.normal(scale=1.5, size=(tokens, count)).astype(np.float32)
        all_logits[s, :, :count] = drawn
        for t in range(tokens):
            chosen, gates = route(drawn[t], k, rule or SOFTMAX)
            kept = rng.random(k) >= dropped
            ids[s, t, :k] = np.where(kept, chosen, NO_EXPERT)
            weights[s, t, :k] = np.where(kept, gates, 0)

    pieces = [TEXTS[i % len(TEXTS)] for i in range(tokens)] if texts is None else list(texts)
    return RoutingTrace(
        tokens=tuple(pieces),
        token_names=tuple(piece.replace(" ", "Ġ") or f"<byte {i}>" for i, piece in enumerate(pieces)),
        token_ids=rng.integers(0, 1000, tokens),
        generated=np.arange(tokens) >= tokens - generated,
        sites=tuple(
            RouterSite(f"model.layers.{s}.mlp", s, each_experts[s], each_k[s], stack, each_scoring[s], shared_experts)
            for s in range(sites)
        ),
        expert_ids=ids,
        gate_weights=weights,
        router_logits=all_logits if logits else None,
        provenance=Provenance(
            "invented", None, "invented", "float32", "none", "tests", (), "2026-01-01T00:00:00+00:00"
        ),
    )


def route(logits: np.ndarray, k: int, scoring: Scoring) -> tuple[list[int], list[float]]:
    """What `scoring` chooses from one token's logits, largest first, and the gating weights."""
    x = logits.astype(np.float64)
    scores = {
        "sigmoid": lambda: 1 / (1 + np.exp(-x)),
        "sqrtsoftplus": lambda: np.log1p(np.exp(x)) ** 0.5,
        "softmax": lambda: np.exp(x) / np.exp(x).sum(),
    }[scoring.function]()
    wanted = (x if scoring.bias_on_logits else scores) + np.array(scoring.selection_bias or 0.0)
    groups = np.split(np.arange(len(x)), scoring.groups)
    by_worth = sorted(groups, key=lambda group: -np.sort(wanted[group])[-scoring.group_top :].sum())
    for group in by_worth[scoring.groups_kept :]:
        wanted[group] = -np.inf if scoring.outside_groups is None else scoring.outside_groups
    chosen = np.argsort(-wanted, kind="stable")[:k]
    weights = scores[chosen] / (scores[chosen].sum() if scoring.normalized else 1) * scoring.scale
    if scoring.expert_scale is not None:
        weights = weights * np.array(scoring.expert_scale)[chosen]
    return chosen.tolist(), weights.tolist()
