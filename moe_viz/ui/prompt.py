"""The text that is looked at: typed, taken from the examples, or opened as a saved trace."""

from __future__ import annotations

import time

import streamlit as st

import moe_viz
from moe_viz.probes import TITLES, mixed_texts, probe_texts
from moe_viz.trace_file import read
from moe_viz.ui.model import engine, plain
from moe_viz.ui.shown import Shown

_AGAIN = "Press again for another passage"
_IN_VIEW = ("python", "poetry", "chess", "chinese_classical", "math_steps")
"""Domains with a button of their own; the others are in a menu."""


def prompt() -> Shown | None:
    """Draw the text box with its examples and run what was asked for. Returns what to show, if anything."""
    example = _example_buttons()
    with st.form("prompt", border=False):
        st.text_area(
            "Text",
            key="text",
            height=150,
            persist_state="session",
            label_visibility="collapsed",
            placeholder="Type or paste any text: prose, code, another language, several kinds in one",
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            asked = st.form_submit_button(
                "Show routing", type="primary", help="Ctrl+Enter or ⌘+Enter in the text box does the same"
            )
            about = st.container()
    if asked or example:
        _run(st.session_state["text"])
    failure = st.session_state.get("failure")
    shown: Shown | None = st.session_state.get("shown")
    if shown:
        about.caption(_size(shown))
    if failure:
        st.error(plain(failure), icon=":material/error:")
        if shown:
            st.caption("Below is still the routing of the text before.")
    with st.sidebar:
        _saved_traces(shown)
    return shown


def _example_buttons() -> bool:
    """Buttons that put a text into the box; each press of a kind brings its next passage. Whether one was pressed."""
    turns: dict[str, int] = st.session_state.setdefault("turns", {})

    def take(text: str) -> None:
        st.session_state["text"] = text

    def take_next(domain: str) -> None:
        passages = probe_texts()[domain]
        turn = turns.get(domain, 0)
        turns[domain] = turn + 1
        take(passages[turn % len(passages)])

    def take_from_menu() -> None:
        take_next(st.session_state["more kinds"])

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
            key="more kinds",
            type="tertiary",
            on_click=take_from_menu,
            format_func=TITLES.__getitem__,
            help=_AGAIN,
        )
    return pressed or chosen is not None


def _size(shown: Shown) -> str:
    """How much there is to see, and how long it took to measure."""
    trace = shown.trace
    took = f" · {1000 * shown.seconds:,.0f} ms" if shown.seconds is not None else ""
    return f"{len(trace):,} tokens · {len(trace.sites)} routers{took}"


def _run(text: str) -> None:
    current = engine()
    try:
        if current.state == "loading":
            with st.spinner("Loading the model first; this happens once", show_time=True):
                current.info()
        started = time.perf_counter()
        with st.spinner("Reading every router", show_time=True):
            trace = current.trace(text)
    except moe_viz.MoeVizError as error:
        st.session_state["failure"] = str(error)
    else:
        show(Shown(trace, "measured", time.perf_counter() - started))


def _saved_traces(shown: Shown | None) -> None:
    """Save what is shown, open what was saved."""

    def opened() -> None:
        file = st.session_state["opened"]
        if file is None:
            return
        try:
            show(Shown(read(file.getvalue()), "opened", None))
        except moe_viz.MoeVizError as error:
            st.session_state["failure"] = f"{file.name}: {error}"

    with st.expander("Saved traces"):
        if shown:
            st.download_button(
                "Save this trace",
                data=lambda: shown.file,
                file_name="trace.moetrace",
                mime="application/octet-stream",
                on_click="ignore",
                key="save trace",
            )
        st.file_uploader("Open a trace", type=["moetrace"], key="opened", on_change=opened)


def show(shown: Shown) -> None:
    """Put a trace on the page, in place of the one before and of any failure."""
    st.session_state["shown"] = shown
    st.session_state["failure"] = None


def nothing_yet() -> None:
    """What a page shows before there is a trace."""
    with st.container(border=True):
        st.markdown("**Nothing to show yet.**")
        st.markdown(
            "Type a text and press *Show routing*, or take an example. The model reads the text once, and every"
            " router is read as it runs: which experts each token was sent to, in which layer, with what weight."
        )
