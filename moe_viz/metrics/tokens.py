"""One expert's tokens in their context, and one token at all routers."""

from __future__ import annotations

import unicodedata
from itertools import accumulate
from typing import TYPE_CHECKING, Literal, TypedDict

import numpy as np

from moe_viz.data.arrays import NO_EXPERT
from moe_viz.data.scores import Array, margin, router_entropy, selection_scores, site_scores
from moe_viz.data.trace import RoutingTrace

if TYPE_CHECKING:
    import pandas as pd

CONTEXT = 24
"""Characters of text shown on each side of a token in a concordance."""

_NAMED = {"\n": "⏎", "\t": "⇥", "\r": "␍", "\x7f": "␡"}
ScoreName = Literal["router probability", "router score (sigmoid)", "router score (√softplus)", "router logit"]
_SCORE_NAMES: dict[str | None, ScoreName] = {
    "softmax": "router probability",
    "sigmoid": "router score (sigmoid)",
    "sqrtsoftplus": "router score (√softplus)",
    None: "router logit",
}
_JOINERS = "\u200c\u200d"


class ChosenExpert(TypedDict):
    """One expert that a token chose, and its gating weight as applied."""

    expert: int
    weight: float


class SiteDetail(TypedDict):
    """What one router computed for one token; None where it is unknown."""

    layer: int
    stack: str
    experts: int
    chosen: list[ChosenExpert]
    """Largest gating weight first; empty if the token has no expert."""
    scores: list[float | None] | None
    """`[expert]`; the logits themselves if the scoring is unknown."""
    score_name: ScoreName
    """The name of `scores`."""
    selection: list[float | None] | None
    """`[expert]`: score + selection bias; None if there is no bias, because they then equal the scores."""
    margin: float | None
    """Last chosen expert minus first one left out, in the score that decides the choice."""
    entropy: float | None
    """Entropy of the scores divided by their sum, in nats."""
    effective_experts: float | None
    """e^entropy."""


def visible(text: str, spaces: bool = False) -> str:
    """`text` on one line, with a sign for each invisible character: ⏎ ⇥ ␀ ⟨U+202E⟩.

    With `spaces`, a space is shown as · too. Joiners stay, because scripts and emoji need them.
    """
    return "".join("·" if spaces and c == " " else _sign(c) for c in text)


def _sign(c: str) -> str:
    if c in _NAMED:
        return _NAMED[c]
    if ord(c) < 0x20:
        return chr(0x2400 + ord(c))
    hidden = unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and c not in _JOINERS
    return f"⟨U+{ord(c):04X}⟩" if hidden else c


def tokens_of_expert(trace: RoutingTrace, site: int, expert: int) -> pd.DataFrame:
    """A concordance: every token that chose `expert` of router `site`, in the order of the text.

    Columns: position, before, token, after (text made visible; `CONTEXT` characters on each side),
    generated, rank (1: the largest gating weight of that token), gating_weight.
    Raises IndexError if there is no such router or expert.
    """
    import pandas as pd

    if not 0 <= site < len(trace.sites):
        raise IndexError(f"site {site}: the trace has sites 0 to {len(trace.sites) - 1}")
    if not 0 <= expert < trace.sites[site].num_experts:
        raise IndexError(f"expert {expert}: site {site} has experts 0 to {trace.sites[site].num_experts - 1}")
    ends = list(accumulate(len(token) for token in trace.tokens))
    position, slot = np.nonzero(trace.expert_ids[site] == expert)
    weights = trace.gate_weights[site]
    text = trace.text
    starts = [ends[t] - len(trace.tokens[t]) for t in position]
    return pd.DataFrame(
        {
            "position": position,
            "before": [visible(text[max(0, s - CONTEXT) : s]) for s in starts],
            "token": [visible(trace.label(int(t)), spaces=True) for t in position],
            "after": [visible(text[ends[t] : ends[t] + CONTEXT]) for t in position],
            "generated": trace.generated[position],
            "rank": 1 + (weights[position] > weights[position, slot][:, None]).sum(axis=-1),
            "gating_weight": weights[position, slot],
        }
    )


def token_detail(trace: RoutingTrace, token: int) -> list[SiteDetail]:
    """What every router computed for token number `token`: plain values, floats to six digits.

    Raises IndexError if there is no such token.
    """
    one = one_token(trace, token)
    margins, entropies = margin(one)[:, 0], router_entropy(one)[:, 0]
    return [_site_detail(one, site, margins[site], entropies[site]) for site in range(len(trace.sites))]


def one_token(trace: RoutingTrace, token: int) -> RoutingTrace:
    """The part of a trace that belongs to one token. Raises IndexError if there is no such token."""
    if not 0 <= token < len(trace):
        raise IndexError(f"token {token}: the trace has tokens 0 to {len(trace) - 1}")
    return RoutingTrace(
        tokens=trace.tokens[token : token + 1],
        token_names=trace.token_names[token : token + 1],
        token_ids=trace.token_ids[token : token + 1],
        generated=trace.generated[token : token + 1],
        sites=trace.sites,
        expert_ids=trace.expert_ids[:, token : token + 1],
        gate_weights=trace.gate_weights[:, token : token + 1],
        router_logits=None if trace.router_logits is None else trace.router_logits[:, token : token + 1],
        provenance=trace.provenance,
    )


def _site_detail(one: RoutingTrace, index: int, decided_by: float, nats: float) -> SiteDetail:
    site, ids, weights = one.sites[index], one.expert_ids[index, 0], one.gate_weights[index, 0]
    order = [slot for slot in np.argsort(-weights, kind="stable") if ids[slot] != NO_EXPERT]
    scores, name = site_scores(one, index), _SCORE_NAMES[site.scoring.function if site.scoring else None]
    wanted = None
    if scores is not None and site.scoring is not None and site.scoring.selection_bias is not None:
        wanted = selection_scores(scores, site.scoring)
    if scores is None and one.router_logits is not None:
        scores, name = one.router_logits[index, :, : site.num_experts].astype(np.float64), _SCORE_NAMES[None]
    return {
        "layer": site.layer,
        "stack": site.stack,
        "experts": site.num_experts,
        "chosen": [{"expert": int(ids[s]), "weight": _six_digits(weights[s]) or 0.0} for s in order],
        "scores": _six_digits_each(scores),
        "score_name": name,
        "selection": _six_digits_each(wanted),
        "margin": _six_digits(decided_by),
        "entropy": _six_digits(nats),
        "effective_experts": _six_digits(np.exp(nats)),
    }


def _six_digits(value: float) -> float | None:
    """Six significant digits; None for values that JSON cannot hold."""
    return float(f"{value:.6g}") if np.isfinite(value) else None


def _six_digits_each(scores: Array | None) -> list[float | None] | None:
    return None if scores is None else [_six_digits(value) for value in scores[0]]
