"""The glossary, with its search, and the links to its terms."""

from __future__ import annotations

import streamlit as st

from moe_viz.lessons.glossary import Term, find, word
from moe_viz.lessons.texts import lessons
from moe_viz.ui.page_registry import page_entry
from moe_viz.ui.session import state
from moe_viz.ui.widgets.words import plain

_LONGEST = 60
_CARD = 350  # pixels


def glossary() -> None:
    """A search box, which the address keeps as `term`, and the terms that it finds."""
    st.header(word("title"), anchor=False)
    st.caption(word("intro"))
    asked = st.text_input(
        word("search"),
        key=state.TERM.key,
        max_chars=_LONGEST,
        placeholder=word("placeholder"),
        icon=":material/search:",
        live=True,
        bind="query-params",
        width=420,
    )
    found = find(asked or "")
    if not found:
        st.info(word("none", asked=plain(asked or "")), icon=":material/search_off:")
    with st.container(horizontal=True, gap="small"):
        for term in found:
            _card(term)


def _card(term: Term) -> None:
    with st.container(border=True, gap="small", width=_CARD, height="stretch"):
        st.markdown(_said(term))
        with st.container(horizontal=True, gap="small"):
            for place in term.see:
                _place(place)


def _said(term: Term) -> str:
    """The whole entry of a term, as Markdown."""
    parts = [f"#### {term.name}", term.meaning]
    if term.formula:
        parts.append(f"`{term.formula}`")
    small = [word("also", names=", ".join(term.also))] if term.also else []
    small += [word("source", source=term.source)] if term.source else []
    if small:
        parts.append(f":small[{'. '.join(small)}.]")
    if term.library:
        parts.append(word("library", name=term.library))
    return "\n\n".join(parts)


def _place(place: str) -> None:
    """A link to a page, or to a lesson."""
    page, _, lesson = place.partition("/")
    entry = page_entry(page)
    if lesson:
        label = word("lesson", title=lessons()[lesson].title)
        st.page_link(entry.file, label=label, icon=entry.icon_name, query_params={"lesson": lesson})
    else:
        st.page_link(entry.file, label=entry.title, icon=":material/arrow_forward:", help=entry.description)
