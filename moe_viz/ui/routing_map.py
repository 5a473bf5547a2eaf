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
from moe_viz.metrics.tokens import token_detail
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
        _panel(key="panel", data=pack_token_panel(panel_of(shown, token)))
