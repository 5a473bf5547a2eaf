"""A short tour of the Routing page."""

from __future__ import annotations

import streamlit as st

from moe_viz.components import TOUR_CSS, TOUR_JS
from moe_viz.lessons.texts import tour_texts

_component = st.components.v2.component("moe_viz_tour", js=TOUR_JS, css=TOUR_CSS)


def tour() -> None:
    """Offer the tour to a browser that has not been offered it yet; to any other, a way to start it again."""
    _component(key="tour", data=tour_texts())
