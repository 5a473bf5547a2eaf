"""Where an expert took its tokens: some texts of a domain, read anew."""

from __future__ import annotations

import weakref
from concurrent.futures import Future

import pandas as pd
import streamlit as st

from moe_viz.errors import MoeVizError
from moe_viz.metrics.tokens import tokens_of_expert
from moe_viz.profiles.merge import model_identity
from moe_viz.trace import RoutingTrace
from moe_viz.ui.model import engine, plain
from moe_viz.ui.numbers import folded_tables
from moe_viz.ui.profile import Profiled
from moe_viz.ui.session import session

TEXTS, CHARACTERS = 4, 1000
"""So many texts are read, and so much of each."""


def contexts(profiled: Profiled, site: int, expert: int) -> None:
    """Draw them, folded away: the model reads them when they are asked for."""
    folded = st.expander("The contexts around them", key="contexts", on_change="rerun")
    if not folded.open:
        return
    if not profiled.texts:
        folded.caption("There are none to show: this profile holds counts alone, and its texts are not here.")
        return
    use = profiled.specialists.use[:, site, expert]
    with folded:
        domain = st.selectbox(
            "Domain",
            sorted(range(len(use)), key=lambda domain: -use[domain]),
            format_func=lambda domain: f"{profiled.names[domain]}: {use[domain]:.1%} of its tokens",
            key=f"context domain {site} {expert}",
        )
        try:
            with st.spinner("Reading some texts", show_time=True):
                traces = _traces(profiled, profiled.profile.domains[domain])
        except MoeVizError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        if traces is None:
            st.caption("Another model is in use than the one that this profile is of; load that one to see them.")
            return
        _table(traces, site, expert)


def _traces(profiled: Profiled, domain: str) -> tuple[RoutingTrace, ...] | None:
    """The first texts of a domain, as the model in use routes them; None if it is not the profile's.

    Raises MoeVizError if they cannot be read. The session keeps the last ones.
    """
    of, of_domain, kept = st.session_state.get("context traces", (None, "", ()))
    if of is not None and of() is profiled and of_domain == domain:
        return kept
    model = engine()
    if model_identity(model.info().provenance) != model_identity(profiled.profile.runs[0].provenance):
        return None
    texts = [text[:CHARACTERS] for text in profiled.texts[domain] if text.strip()]
    answers: list[Future[RoutingTrace]] = []
    try:
        answers.extend(model.submit(text, session().owner) for text in texts[:TEXTS])
        traces = tuple(answer.result() for answer in answers)
    finally:
        for answer in answers:
            answer.cancel()  # those that wait, if the page was left
    st.session_state["context traces"] = (weakref.ref(profiled), domain, traces)
    return traces


def _table(traces: tuple[RoutingTrace, ...], site: int, expert: int) -> None:
    rows = pd.concat(
        [tokens_of_expert(trace, site, expert).assign(text=number) for number, trace in enumerate(traces, start=1)],
        ignore_index=True,
    )
    read = sum(map(len, traces))
    if rows.empty:
        st.caption(f"It took none of the {read:,} tokens of {len(traces)} texts.")
        return
    columns = ["text", "before", "token", "after", "rank", "gating_weight"]
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
    )
    st.caption(
        f"{len(rows):,} of the {read:,} tokens of {len(traces)} texts, measured now from the first {CHARACTERS:,}"
        " characters of each. Rank 1: no other expert had a larger gating weight for it."
    )
    folded_tables({"contexts": lambda: rows[columns]})
