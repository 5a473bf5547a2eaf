"""The choice of the profile that is looked at."""

from __future__ import annotations

import streamlit as st

from moe_viz.ui.profile import Profiled, recorded


def chosen_profile(title: str) -> Profiled | None:
    """Draw a page's heading. Returns the profile that is looked at."""
    st.markdown(f"##### {title}")
    st.caption("Recorded with the bundled model over the probe texts of this project, whatever model is loaded now.")
    return recorded()
