"""The text that is looked at: typed, taken from the examples, or opened as a saved trace."""

from __future__ import annotations

import json
import time
from pathlib import Path

import streamlit as st

import moe_viz
from moe_viz.trace_file import read
from moe_viz.ui.model import engine, plain
from moe_viz.ui.shown import Shown

_EXAMPLES = Path(moe_viz.__file__).parent / "demo" / "examples.json"


@st.cache_data(show_spinner=False)
def _examples() -> list[dict[str, str]]:
    examples: list[dict[str, str]] = json.loads(_EXAMPLES.read_text(encoding="utf-8"))
    return examples


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
    """One button an example; a press puts its text into the box. Returns whether one was pressed."""

    def take(text: str) -> None:
        st.session_state["text"] = text

    pressed = False
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption("Examples", width="content")
        for example in _examples():
            pressed |= st.button(
                example["title"],
                key=f"example {example['title']}",
                type="tertiary",
                on_click=take,
                args=(example["text"],),
            )
    return pressed


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
