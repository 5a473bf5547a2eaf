"""What a page says about the link by which it was opened."""

from __future__ import annotations

from itertools import islice

import streamlit as st

from moe_viz.settings import settings
from moe_viz.ui.session.model_choice import ModelChoice
from moe_viz.ui.session.model_in_use import begin_loading, coming, model_name, refused
from moe_viz.ui.session.opened_link import not_taken, opened_link, other_model
from moe_viz.ui.session.scene import OpenedLink
from moe_viz.ui.widgets.words import plain

_NAMED = 8
"""At most this many of the parameters that could not be kept are named."""


def say_of_link(page: str) -> None:
    """Say, after the page is drawn, which model a link was made with, and which of its values could not be kept."""
    opened = opened_link()
    if not opened.drawn:
        opened.lost |= dict.fromkeys(not_taken(opened.asked))
        opened.text, opened.drawn = None, True
    if opened.closed or opened.page != page:
        return
    wanted = other_model(opened.scene)
    sentences = _sentences(opened, wanted)
    if not sentences:
        return

    def close() -> None:
        opened.closed = True

    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(plain(" ".join(sentences)), icon=":material/link:")
        if wanted is not None and coming() is None and refused(wanted.name) is None:
            st.button("Load it", key="load linked", on_click=begin_loading, args=(wanted,))
        st.button("Close", key="close link", type="tertiary", on_click=close)


def _sentences(opened: OpenedLink, wanted: ModelChoice | None) -> list[str]:
    said = []
    if wanted is not None:
        how = ", ".join(value for value in wanted.options.values() if value)
        said.append(
            f"This link was made with {wanted.name}{f' ({how})' if how else ''}; you see {model_name()}."
            + (f" {reason}" if (reason := refused(wanted.name)) else " Once it is loaded, run the text again.")
        )
    if opened.gone:
        said.append(
            f"The text of this link is not on this server: a long text is kept for {settings().stored_hours:g} hours at"
            " most, and not beyond a restart. Ask the sender for a new link, or for the text."
        )
    if opened.lost:
        names = [_called(name) for name in islice(opened.lost, _NAMED)]
        more = ", …" if len(opened.lost) > _NAMED else ""
        said.append(f"Parts of this link do not fit here. The page uses its own values for: {', '.join(names)}{more}.")
    return said


def _called(parameter: str) -> str:
    """A parameter as a sentence names it; it may be anything that an address can hold."""
    return (parameter if parameter.isprintable() else ascii(parameter))[:40].replace("_", " ")
