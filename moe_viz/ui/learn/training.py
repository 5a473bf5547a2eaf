"""The parts of the Training page: recordings of the bundled model's training, side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from moe_viz.data.training_recording import TrainingRecording
from moe_viz.figures.heatmap import heatmap
from moe_viz.figures.training import lines_by_domain, lines_by_layer
from moe_viz.metrics.training import load_table
from moe_viz.probes import TITLES
from moe_viz.ui.learn.recordings import Recording, recordings
from moe_viz.ui.routing.routing_map import map_alone
from moe_viz.ui.session import state
from moe_viz.ui.session.opened_link import initial_of_link
from moe_viz.ui.session.trace_view import TraceView
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.numbers import Tables, folded_tables, numbers


@dataclass(frozen=True)
class _Measure:
    """One of the charts: its name, its column, the title of its axis, how to read it."""

    title: str
    column: str
    axis: str
    reading: str


_MEASURES = (
    _Measure(
        "Domain information",
        "domain_information",
        "bits",
        "How much the chosen experts tell about the kind of text: mutual information of domain and"
        " expert. 0: nothing. Even random routers, at 0 updates, tell something: they follow the token, and kinds"
        " of text differ in their tokens.",
    ),
    _Measure(
        "Load",
        "max_violation",
        "MaxVio",
        "The busiest expert's load over the mean load, minus 1: 0 is even; 7 means that one expert of a layer"
        " takes every token, with two of sixteen experts per token.",
    ),
    _Measure(
        "Effective experts",
        "effective_experts",
        "experts",
        "e to the entropy of the load: this many experts, evenly used, would have the same entropy.",
    ),
    _Measure(
        "Router saturation",
        "router_saturation",
        "share of the final experts",
        "The share of a token's final experts that the router already chose at this moment; the last point is 1 by"
        " definition, and chance is experts per token over experts.",
    ),
    _Measure(
        "Loss",
        "loss",
        "nats per token",
        "How badly the model predicts the next token: one thin line per kind of text; lower is better.",
    ),
)


def charts() -> None:
    """One measure of every layer over the training, both recordings on the same axes."""
    both = recordings()
    title = st.segmented_control(
        "Measure",
        [view.title for view in _MEASURES],
        default=_MEASURES[0].title,
        required=True,
        key=state.MEASURE.key,
        bind="query-params",
    )
    view = next(view for view in _MEASURES if view.title == title)
    updates = both[0].lapse.updates.tolist()
    largest = max(_table(recording, view)[view.column].max() for recording in both)
    drawn: Tables = {}
    for column, recording in zip(st.columns(2, gap="large"), both, strict=True):
        with column:
            st.markdown(f"**{recording.name}**")
            drawn |= _chart(recording, view, updates, (0, 1.06 * largest))
    st.caption(view.reading)
    folded_tables(drawn)


def _table(recording: Recording, view: _Measure) -> pd.DataFrame:
    return recording.loss if view.column == "loss" else recording.routing


def _chart(recording: Recording, view: _Measure, updates: list[int], limits: tuple[float, float]) -> Tables:
    return chart(
        lines_by_domain if view.column == "loss" else lines_by_layer,
        _table(recording, view),
        name=f"{view.title.lower().replace(' ', '-')}-{recording.file}",
        key=f"chart {recording.name}",
        column=view.column,
        updates=updates,
        title=view.axis,
        limits=limits,
    )


def choose_moment() -> int:
    """A slider over what was recorded. Returns the number of updates."""
    both = recordings()
    after: int = st.select_slider(
        "Moment of the training, in updates",
        both[0].lapse.updates.tolist(),
        value=int(both[1].lapse.updates[-1]),
        format_func=lambda n: f"{n:,}",
        key=state.AFTER.key,
        bind="query-params",
    )
    return after


def draw_loads(after: int) -> None:
    """Every expert's load at one moment, both recordings on one scale of colours."""
    both = recordings()
    st.markdown(f"##### Load of every expert after {after:,} updates")
    largest = max(recording.loads.max() for recording in both)
    drawn: Tables = {}
    for column, recording in zip(st.columns(2, gap="large"), both, strict=True):
        with column:
            st.markdown(f"**{recording.name}**")
            frame = _frame(recording, after)
            if frame is None:
                continue
            drawn |= chart(
                heatmap,
                load_table(recording.loads[frame]),
                name=f"load-of-experts-{recording.file}",
                key=f"loads {recording.name}",
                value="load",
                kind="load",
                row="layer",
                names={layer: f"L{layer}" for layer in range(recording.loads.shape[1])},
                limit=largest,
            )
    st.caption(
        "Each cell is the share of its layer's assignments that the expert took, over all probe texts, each kind"
        " of text weighing the same; a row sums to 100 %."
    )
    folded_tables(drawn)


def watched_text(after: int) -> None:
    """One text at one moment, token by token, as either run routed it."""
    both = recordings()
    st.markdown(f"##### One text after {after:,} updates")
    lapse = both[0].lapse
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    with left:
        text = st.selectbox(
            "Text",
            lapse.watched.tolist(),
            format_func=lambda text: _title(lapse, text),
            key=state.WATCHED_TEXT.key,
            bind="query-params",
        )
    with right:
        names = [recording.name for recording in both]
        name = st.segmented_control(
            "Run", names, default=names[0], required=True, key=state.RUN.key, bind="query-params"
        )
    recording = both[names.index(name)]
    frame = _frame(recording, after)
    if frame is None:
        return
    trace = recording.lapse.trace(frame, text)
    shown = TraceView(trace, "recorded", None, initial=initial_of_link(trace))
    map_alone(shown, "watched")
    st.caption("Move the slider above and watch the experts change; the layer stays.")
    numbers(shown, {"watched-text": shown.trace.to_frame})


def _frame(recording: Recording, after: int) -> int | None:
    """The frame after this many updates; None, with a message, if the run had stopped by then."""
    frames = np.flatnonzero(recording.lapse.updates == after)
    if len(frames):
        return int(frames[0])
    st.caption(f"This run was stopped after {recording.lapse.updates[-1]:,} updates.")
    return None


def _title(lapse: TrainingRecording, text: int) -> str:
    """A watched text's kind and its beginning, as plain text."""
    begins = "".join(token for token, of in zip(lapse.tokens, lapse.token_text, strict=True) if of == text)
    return f"{TITLES[lapse.domains[lapse.text_domain[text]]]}: {' '.join(begins.split())[:40]} …"


def about() -> None:
    """What was recorded, and where these numbers come from."""
    lapse = recordings()[0].lapse
    st.markdown("##### How the bundled model learnt to route")
    st.caption(
        "This was recorded while the bundled model was trained, and does not depend on the loaded model:"
        f" {len(lapse.text_domain)} probe texts of {len(lapse.domains)} kinds, read again as the number of updates"
        " grew. Beside it is the same model, from the same random start and on the same text in the same order,"
        " trained without the balancing term."
    )
