"""Presenter view: a page as a projector needs it, with keys for one step on or back."""

from __future__ import annotations

import streamlit as st

from moe_viz.components import PRESENTER_CSS, PRESENTER_JS
from moe_viz.ui.look import look_of_presenter

_PARAMETER = "present"
_component = st.components.v2.component("moe_viz_presenter", js=PRESENTER_JS, css=PRESENTER_CSS)


def presenter_switch() -> bool:
    """Draw the switch, which the address keeps as `present=1`. Returns whether it is on."""
    st.session_state.setdefault(_PARAMETER, st.query_params.get(_PARAMETER) == "1")
    on = st.toggle(
        "Presenter view",
        key=_PARAMETER,
        help="For a projector: large type, strong contrast, nothing beside the page. The arrow keys step through"
        " lessons, or layers; Escape leaves.",
    )
    written = st.query_params.get(_PARAMETER)
    if on and written != "1":
        st.query_params[_PARAMETER] = "1"
    elif not on and written is not None:
        del st.query_params[_PARAMETER]
    return on


def present() -> None:
    """Give the page the look and the keys of the presenter view."""

    def leave() -> None:
        st.session_state[_PARAMETER] = False

    look_of_presenter()
    _component(key="presenter", on_left_change=leave)
