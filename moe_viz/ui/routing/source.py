"""What the Layers page shows: the text, or a whole profile."""

from __future__ import annotations

import streamlit as st

from moe_viz.ui.session import state
from moe_viz.ui.session.opened_link import text_is_linked
from moe_viz.ui.session.session import session

_TEXT, _PROFILE = "This text", "A whole profile"


def of_this_text() -> bool:
    """Draw the choice, which the address keeps; by default the text, if any. Returns whether it is the text."""
    if state.LAYERS_OF.get() is None:
        state.LAYERS_OF.set(_TEXT if session().view or text_is_linked() else _PROFILE)
    chosen = st.segmented_control(
        "Of",
        [_TEXT, _PROFILE],
        default=_PROFILE,  # what the address leaves out
        required=True,
        key=state.LAYERS_OF.key,
        bind="query-params",
        label_visibility="collapsed",
    )
    return chosen == _TEXT
