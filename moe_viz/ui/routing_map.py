"""The routing map and the panel of the chosen token, side by side."""

from __future__ import annotations

import streamlit as st

from moe_viz.components import (
    ROUTING_MAP_CSS,
    ROUTING_MAP_JS,
    TOKEN_PANEL_CSS,
    TOKEN_PANEL_JS,
    TokenPanel,
    pack_token_panel,
)
from moe_viz.figures.theme import NEUTRAL, PALETTE
from moe_viz.metrics.tokens import SiteDetail, token_detail
from moe_viz.ui.shown import Shown

_map = st.components.v2.component("moe_viz_routing_map", js=ROUTING_MAP_JS, css=ROUTING_MAP_CSS)
_panel = st.components.v2.component("moe_viz_token_panel", js=TOKEN_PANEL_JS, css=TOKEN_PANEL_CSS)


@st.fragment
def routing_map(shown: Shown) -> None:
    """Draw both. A click on a token reruns this fragment alone; changing the layer reruns nothing."""
    left, right = st.columns([2.6, 1], gap="large")
    with left:
        chosen = _map(key="map", data=shown.payload, default={"token": 0}, on_token_change=lambda: None)
    with right:
        token = min(int(chosen.token or 0), len(shown.trace) - 1)
        _panel(key="panel", data=pack_token_panel(_panel_of(shown, token)))


def _panel_of(shown: Shown, token: int) -> TokenPanel:
    """What the panel shows of one token."""
    trace, detail = shown.trace, token_detail(shown.trace, token)
    following = trace.next_tokens
    predictions = None
    if following is not None:
        predictions = [
            {"text": text, "name": text, "probability": float(probability)}
            for text, probability in zip(following.texts[token], following.probabilities[token], strict=True)
        ]
    actual = None
    if token + 1 < len(trace):
        known = {}
        if following is not None:
            known = dict(zip(following.token_ids[token].tolist(), following.probabilities[token].tolist(), strict=True))
        actual = {"label": trace.label(token + 1), "probability": known.get(int(trace.token_ids[token + 1]))}
    return {
        "trace_id": "",
        "token": token,
        "label": trace.label(token),
        "name": trace.token_names[token],
        "generated": detail["generated"],
        "sites": [
            _site_of(site, colours) for site, colours in zip(detail["sites"], shown.colours.tolist(), strict=True)
        ],
        "next": predictions,
        "actual_next": actual,
        "palette": list(PALETTE),
        "neutral": NEUTRAL,
    }


def _site_of(site: SiteDetail, colours: list[int]):
    return {
        "layer": site["layer"],
        "stack": site["stack"],
        "experts": site["num_experts"],
        "chosen": [{"expert": c["expert"], "weight": c["gating_weight"]} for c in site["experts"]],
        "scores": site["scores"],
        "score_name": site["score_name"] or "router logit",
        "selection": site["selection_scores"],
        "margin": site["margin"],
        "entropy": site["entropy"],
        "effective_experts": site["effective_experts"],
        "colours": colours[: site["num_experts"]],
    }
