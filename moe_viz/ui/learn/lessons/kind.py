"""A kind of text to look at."""

from __future__ import annotations

import streamlit as st

from moe_viz.probes import TITLES
from moe_viz.ui.session.state import Entry


def choose_kind(label: str, first: str, entry: Entry[str]) -> str:
    """Draw the choice of a domain of the probe texts, by default `first`; the address keeps it as `entry`."""
    kind: str = st.selectbox(
        label,
        list(TITLES),
        index=list(TITLES).index(first),
        format_func=TITLES.__getitem__,
        key=entry.key,
        bind="query-params",
        width=420,
    )
    return kind
