"""A figure's title with its definition, and a link to its term in the glossary."""

from __future__ import annotations

import streamlit as st

from moe_viz.ui.page_registry import page_entry
from moe_viz.ui.widgets.words import plain


def heading(title: str, formula: str, *sentences: str, term: str) -> None:
    """A figure's title, and on request its definition: the formula, its source, the filter in use.

    `term`: what it is called in the glossary.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(title)}**", width="content")
        with st.popover("Definition", type="tertiary"):
            st.text(formula)
            for sentence in sentences:
                st.caption(plain(sentence))
            term_link(term)


def term_link(name: str) -> None:
    """A link to one term."""
    glossary = page_entry("glossary")
    st.page_link(glossary.file, label=glossary.title, icon=glossary.icon_name, query_params={"term": name})
