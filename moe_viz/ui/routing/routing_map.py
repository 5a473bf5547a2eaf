"""The routing map and the panel of the chosen token, side by side."""

from __future__ import annotations

from typing import Any

import streamlit as st

from moe_viz.components import (
    ROUTING_MAP_CSS,
    ROUTING_MAP_JS,
    TOKEN_PANEL_CSS,
    TOKEN_PANEL_JS,
    TokenPanel,
    pack_token_panel,
)
from moe_viz.components.token_panel.data import ActualNext, PanelSite, Prediction
from moe_viz.data.trace import NextTokens, RoutingTrace
from moe_viz.figures.theme import NEUTRAL, PALETTE
from moe_viz.metrics.tables import next_token_table, router_table
from moe_viz.metrics.tokens import token_detail
from moe_viz.ui.routing.continuing import EVERY, progress
from moe_viz.ui.session.text_session import TextSession
from moe_viz.ui.session.trace_view import TraceView
from moe_viz.ui.specialization.to_atlas import to_atlas
from moe_viz.ui.widgets.numbers import numbers

_map = st.components.v2.component("moe_viz_routing_map", js=ROUTING_MAP_JS, css=ROUTING_MAP_CSS)
_panel = st.components.v2.component("moe_viz_token_panel", js=TOKEN_PANEL_JS, css=TOKEN_PANEL_CSS)


def routing_map(own: TextSession) -> None:
    """Draw both, and the progress of a continuation; update them while it runs.

    A click on a token reruns this fragment alone; changing the layer reruns nothing.
    """
    live = own.job is not None
    st.fragment(_draw, run_every=EVERY if live else None)(own, live)


def _draw(own: TextSession, live: bool) -> None:
    # It gets the session, not what is shown: Streamlit keeps the arguments for as long as the page is open.
    if (live and not own.look()) or (own.view is None and not live):
        st.rerun()
    progress(own)
    if own.view:
        _map_and_panel(own.view)


def _map_and_panel(shown: TraceView) -> None:
    left, right = st.columns([2.6, 1], gap="large")
    with left:
        chosen = map_alone(shown, "map")
    with right:
        token = min(int(chosen.token or 0), len(shown.trace) - 1)
        _panel(key="panel", data=pack_token_panel(_panel_of(shown, token)))
        to_atlas(shown.trace, token)
        tables = {"router-scores": lambda: router_table(shown.trace, token)}
        if shown.trace.next_tokens is not None:
            tables["next-tokens"] = lambda: next_token_table(shown.trace, token)
        numbers(shown, tables)


def map_alone(shown: TraceView, key: str) -> Any:
    """The map without the panel. Returns its state, with the chosen `token`."""
    return _map(key=key, data=shown.payload, default={"token": shown.initial.token}, on_token_change=lambda: None)


def _panel_of(shown: TraceView, token: int) -> TokenPanel:
    """What the panel shows of one token."""
    trace, colours = shown.trace, shown.colours.tolist()
    sites = [
        PanelSite(**site, colours=row[: site["experts"]])
        for site, row in zip(token_detail(trace, token), colours, strict=True)
    ]
    return {
        "token": token,
        "label": trace.label(token),
        "name": trace.token_names[token],
        "generated": bool(trace.generated[token]),
        "sites": sites,
        "next": _predictions(trace.next_tokens, token),
        "actual_next": _actual_next(trace, token),
        "palette": list(PALETTE),
        "neutral": NEUTRAL,
    }


def _predictions(following: NextTokens | None, token: int) -> list[Prediction] | None:
    if following is None:
        return None
    rows = zip(following.token_ids[token], following.texts[token], following.probabilities[token], strict=True)
    return [{"text": text, "name": f"token {i}", "probability": float(probability)} for i, text, probability in rows]


def _actual_next(trace: RoutingTrace, token: int) -> ActualNext | None:
    """The token that came next, with its probability if it is among the most probable."""
    if token + 1 == len(trace):
        return None
    probability = None
    if trace.next_tokens is not None:
        ranks = trace.next_tokens.token_ids[token] == trace.token_ids[token + 1]
        probability = float(trace.next_tokens.probabilities[token][ranks][0]) if ranks.any() else None
    return {"label": trace.label(token + 1), "probability": probability}
