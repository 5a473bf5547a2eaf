"""The few things about a page's look that Streamlit has no setting for."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from moe_viz.figures.theme import INK, PAPER, TEXT

ICON = str(Path(__file__).with_name("icon.svg"))
"""The page's icon; a named one would be fetched from a public server."""

_STYLE = f"""
<style>
[data-testid="stMainBlockContainer"] {{ padding: 4.2rem 2.4rem 3rem; }}
@media (max-width: 640px) {{ [data-testid="stMainBlockContainer"] {{ padding-inline: 1rem; }} }}
/* Streamlit writes in white on the primary colour: too light for that in the dark theme, but on a
   darker shade of it under the pointer. */
[data-testid^="stBaseButton-primary"] {{ color: light-dark({PAPER}, {INK}) !important; }}
[data-testid^="stBaseButton-primary"]:is(:hover, :active) {{ color: {PAPER} !important; }}
/* The rim of a choice that is not made is too pale to be seen. */
[data-testid="stRadioOption"]:not([data-selected]) > div > div:first-child {{ border-color: {TEXT}; }}
/* A pressed tertiary button, and an opened menu, get a much darker shade of it as ink. */
button[kind="tertiary"]:is(:active, [aria-expanded="true"]) {{ color: inherit !important; }}
</style>
"""


def look() -> None:
    """Give a routing map the width it wants, and every button an ink that can be read."""
    st.html(_STYLE)
