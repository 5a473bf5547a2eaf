"""Which layer and which expert pages of specialization look at, and the way to the page of one expert."""

from __future__ import annotations

import streamlit as st

from moe_viz.ui.page_registry import page_entry
from moe_viz.ui.session import state
from moe_viz.ui.session.profile_view import ProfileView


def ask_for_expert(layer: str, expert: int) -> None:
    """Make the next run go to this expert; a callback cannot change the page itself."""
    state.ASKED_EXPERT.set((layer, expert))


def go_to_asked_expert(profiled: ProfileView) -> None:
    """Go to the Experts page if one was asked for there."""
    _keep_layer(profiled)  # of a key that is new with the page, the address would not hear
    state.EXPERT.get_or_set(0)
    if take_up_asked_expert():
        # {}: without it, what the address keeps is in the way
        st.switch_page(page_entry("experts").file, query_params={})


def take_up_asked_expert() -> bool:
    """Choose the layer and the expert that were asked for. Returns whether any were.

    The Experts page does it once more: Streamlit forgets the values of widgets that a run does not
    draw, and the run that goes to that page may be cut short by another one.
    """
    asked = state.ASKED_EXPERT.get()
    if asked is not None:
        state.LAYER.set(asked[0])
        state.EXPERT.set(asked[1])
    return asked is not None


def choose_layer(profiled: ProfileView) -> int:
    """Draw the choice of a layer, which the address keeps. Returns the router's index."""
    _keep_layer(profiled)
    layer = st.selectbox("Layer", profiled.layers, key=state.LAYER.key, bind="query-params")
    return profiled.layers.index(layer)


def _keep_layer(profiled: ProfileView) -> None:
    """Make sure that the chosen layer exists; the first choice is one in the middle."""
    if state.LAYER.get() not in profiled.layers:
        state.LAYER.set(profiled.layers[len(profiled.layers) // 2])
