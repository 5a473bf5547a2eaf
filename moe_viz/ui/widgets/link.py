"""A link to the view that a page shows: all who open it see the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

import streamlit as st

from moe_viz.components import LINK_CSS, LINK_JS
from moe_viz.errors import InputError
from moe_viz.settings import settings
from moe_viz.ui.session import state
from moe_viz.ui.session.model_in_use import choice_in_use
from moe_viz.ui.session.opened_link import stored_texts
from moe_viz.ui.session.scene import NAMES, Scene, encode
from moe_viz.ui.session.session import session
from moe_viz.ui.session.text_session import TextSession

_component = st.components.v2.component("moe_viz_link", js=LINK_JS, css=LINK_CSS)


def copy_link() -> None:
    """Draw the button before the page is drawn; the page then adds to the link by `carry`."""
    state.CARRIED.set({})
    _control()


def carry(**parts: Any) -> None:
    """Make the link to this page carry a part of its scene; `shown=True`: the text that the session looks at."""
    state.CARRIED.get_or_set({}).update(parts)


@st.fragment
def _control() -> None:
    made = state.LINK_MADE.get() or {}  # stays: what was sent once may not have arrived
    data = {"number": state.LINKS_MADE.get() or 0, "names": list(NAMES), **made}
    _component(key="link", data=data, on_asked_change=_make)


def _make() -> None:
    """Make the link that a person asked for. The browser adds what it alone knows."""
    carried = (state.CARRIED.get() or {}).copy()
    own, choice = session(), choice_in_use()
    scene = Scene(choice.name, choice.revision, choice.dtype, choice.quantization)
    notes = list(carried.pop("notes", ()))
    if carried.pop("shown", False) and own.view is not None:
        if own.view.trace.provenance.model != choice.name:
            scene = Scene(own.view.trace.provenance.model)
        carried["text"] = _text(own)
        if own.asked is None or own.asked.continuation:
            notes.append("For a person who opens it, the model reads this text again, including the generated tokens.")
    text = carried.pop("text", None)
    scene = replace(scene, **carried)
    if text:
        scene, note = _with_text(scene, text)
        notes.append(note)
    state.LINKS_MADE.set((state.LINKS_MADE.get() or 0) + 1)
    state.LINK_MADE.set({"parameters": encode(scene), "notes": notes})


def _text(own: TextSession) -> str:
    """The text that the session looks at, as it was written."""
    assert own.view is not None
    if own.asked is not None and own.asked.continuation is None:
        return own.asked.text
    return own.view.trace.text


def _with_text(scene: Scene, text: str) -> tuple[Scene, str]:
    """The scene with a text, or with the text's name, and a sentence that says which."""
    limits = settings()
    if len(quote_plus(text.encode("utf-8", "replace"))) <= limits.link_characters:
        return replace(scene, text=text), "The text is in the link."
    try:
        name = _stored(text)
    except InputError as error:
        return scene, f"The link is without the text: {error}."
    return replace(scene, stored=name), (
        f"The text is long: this server keeps it for at most {limits.stored_hours:g} hours, and not beyond a"
        " restart, under a name that cannot be guessed. All who have the link can read it."
    )


def _stored(text: str) -> str:
    """The name of a text on the server; the last link's text keeps its name. Raises InputError if there is no room."""
    last, name = state.STORED_TEXT.get() or ("", "")
    if last != text or stored_texts.get(name) is None:
        name = stored_texts.keep(text)
        state.STORED_TEXT.set((text, name))
    return name
