"""A kind of text to look at."""

from __future__ import annotations

import streamlit as st

from moe_viz.probes import TITLES


def choose_kind(label: str, first: str, key: str) -> str:
    """The domain of the probe texts that is chosen, at the start `first`; the address keeps it under `key`."""
    kind: str = st.selectbox(
        label,
        list(TITLES),
        index=list(TITLES).index(first),
        format_func=TITLES.__getitem__,
        key=key,
        bind="query-params",
        width=420,
    )
    return kind
