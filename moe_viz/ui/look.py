"""The few things about a page's look that Streamlit has no setting for."""

from __future__ import annotations

import streamlit as st

_STYLE = """
<style>
[data-testid="stMainBlockContainer"] { padding: 4.2rem 2.4rem 3rem; }
@media (max-width: 640px) { [data-testid="stMainBlockContainer"] { padding-inline: 1rem; } }
</style>
"""


def look() -> None:
    """Less white space around the page: a routing map wants the width."""
    st.html(_STYLE)
