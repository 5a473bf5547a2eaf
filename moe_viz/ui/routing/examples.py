"""Buttons that put an example into the text box."""

from __future__ import annotations

import streamlit as st

from moe_viz.probes import TITLES, mixed_texts, probe_texts
from moe_viz.ui.session import state

_AGAIN = "Press again for another passage"
_IN_VIEW = ("python", "poetry", "chess", "chinese_classical", "math_steps")
"""Domains with a button of their own; the others are in a menu."""


def example_buttons() -> bool:
    """Draw them; each press of a kind brings its next passage. Returns whether one was pressed."""
    turns = state.EXAMPLE_TURNS.get_or_set({})

    def take(text: str) -> None:
        state.TEXT.set(text)

    def take_next(domain: str) -> None:
        passages = probe_texts()[domain]
        turn = turns.get(domain, 0)
        turns[domain] = turn + 1
        take(passages[turn % len(passages)])

    def take_from_menu() -> None:
        domain = state.MORE_KINDS.get()
        assert domain is not None
        take_next(domain)

    pressed = False
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption("Examples", width="content")
        for title, text in mixed_texts().items():
            pressed |= st.button(title, key=f"example {title}", type="tertiary", on_click=take, args=(text,))
        for domain in _IN_VIEW:
            title = TITLES[domain]
            pressed |= st.button(
                title, key=f"example {title}", type="tertiary", on_click=take_next, args=(domain,), help=_AGAIN
            )
        chosen = st.menu_button(
            "More kinds",
            [domain for domain in TITLES if domain not in _IN_VIEW],
            key=state.MORE_KINDS.key,
            type="tertiary",
            on_click=take_from_menu,
            format_func=TITLES.__getitem__,
            help=_AGAIN,
        )
    return pressed or chosen is not None
