"""The text to look at: typed or taken from the examples, read or continued by the model."""

from __future__ import annotations

import time
from concurrent.futures import Future, wait

import streamlit as st

from moe_viz.data.trace import RoutingTrace
from moe_viz.engine import Engine
from moe_viz.errors import MoeVizError
from moe_viz.settings import settings
from moe_viz.ui.routing.continuing import continuation_settings, no_continuation
from moe_viz.ui.routing.examples import example_buttons
from moe_viz.ui.routing.saved_traces import saved_traces
from moe_viz.ui.session import state
from moe_viz.ui.session.model_in_use import engine, ready_engine
from moe_viz.ui.session.opened_link import initial_of_link, leave_link, text_of_link
from moe_viz.ui.session.session import session
from moe_viz.ui.session.text_session import TextRequest, TextSession
from moe_viz.ui.session.trace_view import TraceView
from moe_viz.ui.widgets.link import carry
from moe_viz.ui.widgets.words import context_text, plain


def prompt() -> TextSession:
    """Draw the text box with its examples and run what was asked for. Returns what the session looks at.

    Messages do not move what it draws: what follows is not redrawn.
    """
    own = session()
    own.look()
    carry(shown=True)
    example = example_buttons()
    linked = text_of_link()
    if linked is not None:
        state.TEXT.set(linked)
    with st.form("prompt", border=False):
        st.text_area(
            "Text",
            key=state.TEXT.key,
            height=150,
            persist_state="session",
            label_visibility="collapsed",
            placeholder="Type or paste any text: prose, code, another language, several kinds in one",
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            asked = st.form_submit_button(
                "Show routing", type="primary", help="Or press Ctrl+Enter or ⌘+Enter in the text box"
            )
            continued = st.form_submit_button(
                "Continue the text",
                disabled=no_continuation() is not None,
                help=no_continuation() or "The model continues the text; every token is shown as it comes",
            )
            about = st.container()
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        continuation = continuation_settings()
        with st.popover("Limits", type="tertiary"):
            _limits()
    with st.container():
        if asked or example or continued:
            leave_link()
        if asked or example or linked is not None:
            _ask(own, TextRequest(state.TEXT.get() or ""))
        elif continued:
            _ask(own, TextRequest(state.TEXT.get() or "", continuation))
        _say(own)
    if own.view and not own.job:
        about.caption(_size(own.view))
    saved_traces(own)
    return own


def nothing_yet() -> None:
    """What a page shows before there is a trace."""
    with st.container(border=True):
        st.markdown("**Nothing to show yet.**")
        st.markdown(
            "Type a text and press *Show routing*, or choose an example. The model reads the text once,"
            " and every router is read as it runs: which experts each token was sent to, in which layer, with what"
            " weight."
        )


def _size(shown: TraceView) -> str:
    """The size of the trace, and how long it took to measure."""
    trace = shown.trace
    took = f" · {1000 * shown.seconds:,.0f} ms" if shown.seconds is not None else ""
    return f"{len(trace):,} tokens · {len(trace.sites)} routers{took}"


def _limits() -> None:
    limits, current = settings(), ready_engine()
    lines = [
        f"At most {limits.max_tokens:,} tokens in one text, and {limits.max_new_tokens:,} new tokens at a time.",
        f"At most {limits.session_requests} requests per page wait at a time.",
        f"At most {limits.generations} texts are continued at a time; others wait their turn.",
        f"The server keeps {limits.results_megabytes:,} MB of results; it removes first what was seen longest ago.",
    ]
    if current is not None:
        lines.insert(1, f"Context of this model: {context_text(current.info().context)}, including new ones.")
    for line in lines:
        st.caption(line)


def _ask(own: TextSession, asked: TextRequest) -> None:
    """Ask the model for a trace, or for a continuation, and say what went wrong."""
    own.stop()
    try:
        current = _loaded()
        if asked.continuation:
            own.begin(current, asked)
            return
        started = time.perf_counter()
        trace = _answer(current, current.submit(asked.text, own.owner))
        shown = TraceView(trace, "measured", time.perf_counter() - started, initial=initial_of_link(trace))
        own.show(shown, asked)
    except MoeVizError as error:
        own.fail(str(error))


def _loaded() -> Engine:
    """The engine, once its model is there. Raises what loading raised."""
    current = engine()
    if current.state == "loading":
        with st.spinner("Loading the model first; this happens once", show_time=True):
            current.info()
    return current


def _answer(current: Engine, request: Future[RoutingTrace]) -> RoutingTrace:
    """The answer to a request. Raises what the request raised. If the page is left, the request is withdrawn."""
    line = st.empty()
    try:
        with st.spinner("Reading every router", show_time=True):
            while not wait([request], timeout=0.5).done:
                texts = current.status().waiting
                line.caption("" if request.running() or not texts else f"Waiting for a turn; {texts:,} texts in line.")
            return request.result()
    finally:
        request.cancel()
        line.empty()


def _say(own: TextSession) -> None:
    """Say what is no longer there, and what went wrong."""
    if own.gone:
        how = "" if own.asked else " Open its file again."
        st.info(
            f"The server had no room left for the trace that was here; it removes first what was seen longest ago.{how}"
        )
        if own.asked and st.button("Measure it again", key="again"):
            _ask(own, own.asked)
            st.rerun()
    if own.failure:
        st.error(plain(own.failure), icon=":material/error:")
        if own.view:
            st.caption("What was shown before is still below.")
