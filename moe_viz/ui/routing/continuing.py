"""A text that the model continues: its settings, and its progress."""

from __future__ import annotations

import streamlit as st

from moe_viz.engine import Job
from moe_viz.model.running.sampling import Sampling
from moe_viz.settings import settings
from moe_viz.ui.session import state
from moe_viz.ui.session.model_in_use import engine, ready_engine
from moe_viz.ui.session.text_session import Continuation, TextSession

EVERY = 0.25
"""How often a page looks at a continuation, in seconds."""
_TOKENS = 50
_ENDS = {
    "length": "as many as asked for",
    "context": "the model’s context is full",
    "end of text": "the model ended the text",
}


def no_continuation() -> str | None:
    """Why the model cannot continue a text; None if it can, or if that is not known yet."""
    current = ready_engine()
    if current is None or current.info().generates:
        return None
    return "This model gives no next token, so that it cannot continue a text."


def continuation_settings() -> Continuation:
    """Draw the settings, folded, or the reason why there are none. Returns what is set."""
    reason = no_continuation()
    if reason:
        st.caption(reason, width="content")
        return Continuation(_TOKENS, Sampling(), chat=False)
    most, default = settings().max_new_tokens, Sampling()
    with st.popover("Continuation", type="tertiary", help="How many tokens, and how they are drawn"):
        new_tokens = st.slider(
            "New tokens",
            1,
            max(2, most),
            min(_TOKENS, most),
            key=state.NEW_TOKENS.key,
            bind="query-params",
            help="The model writes at most this many; it may end the text earlier",
        )
        temperature = st.slider(
            "Temperature",
            0.0,
            2.0,
            default.temperature,
            0.05,
            key=state.TEMPERATURE.key,
            bind="query-params",
            help="The lower, the less random: 0 always takes the most probable token",
        )
        top_p = st.slider(
            "Top-p",
            0.05,
            1.0,
            default.top_p,
            0.05,
            key=state.TOP_P.key,
            bind="query-params",
            help="Draws only from the most probable tokens that together reach this probability",
        )
        seed = st.number_input(
            "Seed",
            0,
            value=default.seed,
            key=state.SEED.key,
            bind="query-params",
            help="The same seed gives the same text",
        )
        chat = _chats() and st.toggle(
            "As a chat",
            key=state.CHAT.key,
            bind="query-params",
            help="The model reads the text as a person’s message and answers it",
        )
    return Continuation(min(new_tokens, most), Sampling(temperature, top_p, int(seed)), chat)


def _chats() -> bool:
    current = ready_engine()
    return current is not None and current.info().chats


def follow(own: TextSession) -> None:
    """Draw the progress of a continuation; update it while it runs, and draw the whole page when it ends."""
    live = own.job is not None

    @st.fragment(run_every=EVERY if live else None)
    def line() -> None:
        if live and not own.look():
            st.rerun()
        progress(own)

    line()


def progress(own: TextSession) -> None:
    """Draw the progress of a continuation, with a button to stop it, or how it ended."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if own.job:
            st.progress(own.job.generated / own.job.max_new_tokens, _under_way(own.job), width="stretch")
            st.button("Stop", key="stop", on_click=own.stop, disabled=own.job.stopping.is_set())
        elif own.ended:
            st.caption(_over(own.ended, own.stopped))


def _under_way(job: Job) -> str:
    if job.stopping.is_set():
        return "Stopping"
    if job.state == "waiting":
        return f"Waiting for a turn; {engine().status().generating:,} other texts are being continued"
    if not job.generated:
        return "Reading the text"
    return f"{job.generated:,} of {job.max_new_tokens:,} tokens{_speed(job)}"


def _over(job: Job, stopped: bool) -> str:
    said = f"{job.generated:,} tokens generated{_speed(job)}"
    if job.error:
        return said
    if job.end in _ENDS:
        return f"{said} · {_ENDS[job.end]}"
    return f"{said} · {'stopped' if stopped else 'stopped, because its page was left'}"


def _speed(job: Job) -> str:
    return f" · {job.tokens_per_second:,.1f} per second" if job.tokens_per_second else ""
