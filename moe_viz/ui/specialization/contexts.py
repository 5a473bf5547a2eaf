"""Where an expert took its tokens: some texts of a domain, read again."""

from __future__ import annotations

import weakref
from concurrent.futures import Future
from typing import NamedTuple
from uuid import uuid4

import pandas as pd
import streamlit as st

from moe_viz.components.routing_map.pack import Initial
from moe_viz.data.provenance import model_identity
from moe_viz.data.trace import RoutingTrace
from moe_viz.errors import MoeVizError
from moe_viz.metrics.tokens import tokens_of_expert
from moe_viz.ui.page_registry import page_entry
from moe_viz.ui.session import state
from moe_viz.ui.session.model_in_use import engine
from moe_viz.ui.session.profile_view import ProfileView
from moe_viz.ui.session.session import session
from moe_viz.ui.session.text_session import TextRequest
from moe_viz.ui.session.trace_view import TraceView
from moe_viz.ui.widgets.numbers import folded_tables
from moe_viz.ui.widgets.words import plain

TEXTS, CHARACTERS = 4, 1000
"""This many texts are read, and this many characters of each."""


class ReadPassage(NamedTuple):
    """A text, and how the model in use routes it."""

    text: str
    trace: RoutingTrace


def go_to_asked_text() -> None:
    """Go to the Routing page if a text was asked for there."""
    if state.TO_ROUTING.pop():
        st.switch_page(
            page_entry("routing").file, query_params={}
        )  # {}: without it, what the address keeps is in the way


def contexts(profiled: ProfileView, site: int, expert: int) -> None:
    """Draw the contexts, folded; the model reads the texts when a person asks for them. A row leads to its text."""
    folded = st.expander("The contexts around them", key=state.CONTEXTS.key, on_change="rerun", bind="query-params")
    if not folded.open:
        return
    with folded:
        if not profiled.texts:
            st.caption("There are none to show: this profile holds only counts, and its texts are not here.")
            return
        use = profiled.specialists.use[:, site, expert]
        labels = [f"{name}: {share:.1%} of its tokens" for name, share in zip(profiled.names, use, strict=True)]
        domain = st.selectbox(
            "Domain",
            sorted(range(len(use)), key=lambda domain: -use[domain]),
            format_func=labels.__getitem__,
            key=state.CONTEXT_DOMAIN.of(site, expert).key,
            bind="query-params",
        )
        try:
            with st.spinner("Reading some texts", show_time=True):
                passages = _passages(profiled, profiled.profile.domains[domain])
        except MoeVizError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        if passages is None:
            st.caption("This profile is of another model than the one in use; load that model to see the contexts.")
            return
        _table(passages, site, expert)


def _passages(profiled: ProfileView, domain: str) -> tuple[ReadPassage, ...] | None:
    """The first texts of a domain, as the model in use routes them; None if it is not the profile's.

    Raises MoeVizError if they cannot be read. The session keeps the last ones.
    """
    model = engine()
    if model_identity(model.info().provenance) != model_identity(profiled.profile.runs[0].provenance):
        return None
    kept = state.PASSAGES_READ.get()
    if kept is not None and kept[0]() is profiled and kept[1] == domain:
        return tuple(ReadPassage(*passage) for passage in kept[2])
    texts = [text[:CHARACTERS] for text in profiled.texts[domain] if text.strip()][:TEXTS]
    answers: list[Future[RoutingTrace]] = []
    try:
        answers.extend(model.submit(text, session().owner) for text in texts)
        passages = tuple(ReadPassage(text, answer.result()) for text, answer in zip(texts, answers, strict=True))
    finally:
        for answer in answers:
            answer.cancel()  # those that wait, if the page was left
    state.PASSAGES_READ.set((weakref.ref(profiled), domain, passages))
    return passages


def _table(passages: tuple[ReadPassage, ...], site: int, expert: int) -> None:
    taken = [
        tokens_of_expert(passage.trace, site, expert).assign(text=number)
        for number, passage in enumerate(passages, start=1)
    ]
    rows = pd.concat(taken, ignore_index=True)
    read = sum(len(passage.trace) for passage in passages)
    if rows.empty:
        st.caption(f"It took none of the {read:,} tokens of {len(passages)} texts.")
        return
    columns = ["text", "before", "token", "after", "rank", "gating_weight"]
    table = state.CONTEXT_ROWS.of(site, expert)
    numbers_of_texts, positions = rows["text"].tolist(), rows["position"].tolist()

    def go() -> None:
        kept = state.PASSAGES_READ.get()
        assert kept is not None
        for row in state.selected_rows(table):
            text, trace = kept[2][numbers_of_texts[row] - 1]
            initial = Initial(site, positions[row])
            shown = TraceView(trace, "measured", None, stream=uuid4().hex, initial=initial)
            session().show(shown, TextRequest(text))
            state.TEXT.set(text)
            state.TO_ROUTING.set(True)

    st.dataframe(
        rows[columns],
        hide_index=True,
        height=320,
        column_config={
            "before": st.column_config.TextColumn(alignment="right"),
            "token": st.column_config.TextColumn(alignment="center"),
            "gating_weight": st.column_config.ProgressColumn(
                "gating weight", format="%.3f", min_value=0.0, max_value=float(rows["gating_weight"].max())
            ),
        },
        key=table.key,
        on_select=go,
        selection_mode="single-row",
    )
    st.caption(
        f"{len(rows):,} of the {read:,} tokens of {len(passages)} texts, measured now from the first {CHARACTERS:,}"
        " characters of each. Rank 1: no other expert had a larger gating weight for it. Select a row to see the whole"
        " text at this token and layer."
    )
    folded_tables({"contexts": lambda: rows[columns]})
