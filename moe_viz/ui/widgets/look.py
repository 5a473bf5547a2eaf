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
[data-testid="stMain"] {{ scroll-padding-top: 4.2rem; }}
@media (max-width: 640px) {{ [data-testid="stMainBlockContainer"] {{ padding-inline: 1rem; }} }}
/* Streamlit writes in white on the primary colour: too light for that in the dark theme, but on a
   darker shade of it under the pointer. */
[data-testid^="stBaseButton-primary"]:not(:disabled) {{ color: light-dark({PAPER}, {INK}) !important; }}
[data-testid^="stBaseButton-primary"]:not(:disabled):is(:hover, :active) {{ color: {PAPER} !important; }}
/* The rim of a choice that is not made is too pale to be seen. */
[data-testid="stRadioOption"]:not([data-selected]) > div > div:first-child {{ border-color: {TEXT}; }}
/* A pressed tertiary button, and an opened menu, get a much darker shade of it as ink. */
button[kind="tertiary"]:is(:active, [aria-expanded="true"]) {{ color: inherit !important; }}
</style>
"""

_PRESENTER = """
<style>
html { font-size: 21px; }
[data-testid="stSidebar"], [data-testid="stExpandSidebarButton"], [data-testid="stMainMenu"],
[data-testid="stToolbarActions"] { display: none; }
[data-testid="stMainBlockContainer"] { max-width: none; padding: 4.4rem 2rem 5rem; }
[data-testid="stTextArea"] textarea { height: 4rem !important; min-height: 0; }
/* Nothing is told by a faint grey: a projector does not show it. */
.stApp { --moe-zoom: 1.3; --moe-quiet: 100%; --moe-line: 45%; --moe-track: 25%; --moe-faint: .8; }
.stApp :is([data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] *, dt, ::placeholder) {
    color: inherit !important; opacity: 1 !important; }
.stApp .js-plotly-plot :is(.xtick, .ytick, .g-xtitle, .g-ytitle, .legend, .colorbar) text {
    fill: currentColor !important; }
</style>
"""


def look() -> None:
    """Give a routing map the width it wants, and every button an ink that can be read."""
    st.html(_STYLE)


def look_of_presenter() -> None:
    """Make a page large and its contrast strong."""
    st.html(_PRESENTER)
