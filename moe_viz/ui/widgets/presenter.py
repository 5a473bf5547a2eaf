"""Presenter view: a page as a projector needs it, with keys for one step on or back."""

from __future__ import annotations

import streamlit as st

from moe_viz.components import PRESENTER_CSS, PRESENTER_JS
from moe_viz.ui.session import state
from moe_viz.ui.widgets.look import look_of_presenter

_PARAMETER = "present"
"""In the address."""
_component = st.components.v2.component("moe_viz_presenter", js=PRESENTER_JS, css=PRESENTER_CSS)


def presenter_button() -> bool:
    """Draw the button; once pressed, the address keeps `present=1`. Returns whether the view is on.

    It is not a switch: if a person leaves the page at once, the browser would lose a switch's value.
    """
    on = state.PRESENTING.get_or_set(st.query_params.get(_PARAMETER) == "1")
    st.button(
        "Presenter view",
        key="presenter view",
        width="stretch",
        on_click=_present,
        args=(True,),
        help="For a projector: large type, strong contrast, only the page itself. The arrow keys step"
        " through lessons or layers; Escape ends it.",
    )
    written = st.query_params.get(_PARAMETER)
    if on and written != "1":
        st.query_params[_PARAMETER] = "1"
    elif not on and written is not None:
        del st.query_params[_PARAMETER]
    return on


def present() -> None:
    """Give the page the look and the keys of the presenter view."""
    look_of_presenter()
    _component(key="presenter", on_left_change=lambda: _present(False))


def _present(on: bool) -> None:
    state.PRESENTING.set(on)
