"""Capacity: the places of an expert, and the tokens that find no free place."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import streamlit as st

import moe_viz
from moe_viz.data.arrays import NO_EXPERT
from moe_viz.data.scores import site_scores
from moe_viz.data.trace import RoutingTrace
from moe_viz.figures.lessons import expert_bars
from moe_viz.figures.theme import SECOND
from moe_viz.lessons import capacity
from moe_viz.lessons.texts import Lesson
from moe_viz.probes import probe_texts
from moe_viz.ui.learn.lessons.kind import choose_kind
from moe_viz.ui.session import state
from moe_viz.ui.session.model_in_use import engine, model_name
from moe_viz.ui.session.opened_link import text_of_link
from moe_viz.ui.session.trace_view import TraceView
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.link import carry
from moe_viz.ui.widgets.numbers import Tables, numbers
from moe_viz.ui.widgets.words import plain

_KEPT = "border-bottom:3px solid transparent"
_PART = f"border-bottom:3px dashed {SECOND}"
_ALL = f"border-bottom:3px solid {SECOND};text-decoration:line-through;text-decoration-thickness:2px"


def draw(lesson: Lesson) -> None:
    """The batch, its places, and the tokens that lose."""
    st.markdown(lesson.say("intro"))
    kind = choose_kind(lesson.say("kind"), "python", state.CAPACITY_KIND)
    linked = text_of_link()
    if linked is not None:
        state.CAPACITY_TEXT.of(kind).set(linked)
    text = st.text_area(lesson.say("text"), probe_texts()[kind][0], height=120, key=state.CAPACITY_TEXT.of(kind).key)
    if text != probe_texts()[kind][0]:
        carry(text=text)
    try:
        with st.spinner(lesson.say("loading")):
            shown = _read(model_name(), text)
    except moe_viz.MoeVizError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    trace = shown.trace
    left, right = st.columns(2, gap="large")
    with left:
        factor = st.slider(
            lesson.say("factor"), 0.25, 4.0, 1.0, 0.05, key=state.CAPACITY_FACTOR.key, bind="query-params"
        )
    with right:
        layers = [site.layer for site in trace.sites]
        site = layers.index(
            st.select_slider(
                lesson.say("layer"),
                layers,
                layers[len(layers) // 2],
                key=state.CAPACITY_LAYER.of(model_name()).key,
                bind="query-params",
            )
            if len(layers) > 1
            else layers[0]
        )
    numbers(shown, _batch(lesson, trace, site, factor) | {"capacity": lambda: _table(trace, site, factor)})


@st.cache_resource(show_spinner=False, max_entries=64)
def _read(_model: str, text: str) -> TraceView:
    """The text, read by the session's model; shared by all sessions."""
    return TraceView(engine().trace(text), "measured", None)


def _batch(lesson: Lesson, trace: RoutingTrace, site: int, factor: float) -> Tables:
    router = trace.sites[site]
    ids = trace.expert_ids[site, :, : router.top_k]
    room = capacity.capacity(len(trace), router.top_k, router.num_experts, factor)
    lost = capacity.lost(ids, router.num_experts, room)
    wanted = np.bincount(ids[ids != NO_EXPERT], minlength=router.num_experts)
    every = capacity.without(ids, lost)
    used = int((ids != NO_EXPERT).sum() - lost.sum())
    places = room * router.num_experts
    figures = (
        ("places", f"{room}"),
        ("lost", f"{lost.sum() / ids.size:.0%}"),
        ("without", f"{every.sum()}"),
        ("unused", f"{1 - used / places:.0%}"),
    )
    for column, (key, value) in zip(st.columns(4), figures, strict=True):
        column.metric(lesson.say(key), value)
    st.html(_marked(lesson, trace, np.any(lost, axis=1), every))
    st.caption(lesson.say("reading"))
    over = [int(expert) for expert in np.flatnonzero(wanted > room)]
    drawn = chart(
        expert_bars,
        pd.DataFrame({"expert": range(len(wanted)), "tokens": wanted}),
        name="wanted",
        key="wanted",
        names="expert",
        value="tokens",
        chosen=over,
        x_title=lesson.say("axis_expert"),
        tick_format="d",
        y_title=lesson.say("axis_wanted"),
        line=(room, lesson.say("line")),
    )
    st.markdown(
        lesson.say(
            "explain",
            tokens=len(trace),
            top_k=router.top_k,
            experts=router.num_experts,
            even=len(trace) * router.top_k / router.num_experts,
            factor=factor,
            room=room,
            busiest=int(wanted.argmax()),
            wanted=int(wanted.max()),
        )
    )
    enough = float(wanted.max() * router.num_experts / (len(trace) * router.top_k))
    idle = 1 - float((ids != NO_EXPERT).sum()) / (float(wanted.max()) * router.num_experts)
    st.markdown(lesson.say("switch", enough=enough, idle=idle))
    return drawn | _experts_choose(lesson, trace, site, room)


def _experts_choose(lesson: Lesson, trace: RoutingTrace, site: int, room: int) -> Tables:
    scores = site_scores(trace, site)
    if scores is None:
        st.caption(lesson.say("unknown"))
        return {}
    each = capacity.expert_choice(scores, room).sum(axis=1)
    st.markdown(lesson.say("choice", room=min(room, len(trace)), none=int((each == 0).sum()), most=int(each.max())))
    counted = np.bincount(each)
    return chart(
        expert_bars,
        pd.DataFrame({"experts": range(len(counted)), "tokens": counted}),
        name="chosen",
        key="chosen",
        names="experts",
        value="tokens",
        chosen=[0],
        x_title=lesson.say("axis_number"),
        tick_format="d",
        y_title=lesson.say("axis_tokens"),
    )


def _marked(lesson: Lesson, trace: RoutingTrace, part: capacity.Flags, every: capacity.Flags) -> str:
    """The text with what each token lost, by underline and strike-through, never by colour alone."""

    def span(words: str, style: str) -> str:
        return f"<span style='{style}'>{escape(words)}</span>"

    styles = [_ALL if gone else _PART if some else _KEPT for some, gone in zip(part, every, strict=True)]
    words = "".join(span(word, style) for word, style in zip(trace.tokens, styles, strict=True))
    legend = "&emsp;".join(
        span(lesson.say(key), style) for key, style in (("key_kept", _KEPT), ("key_part", _PART), ("key_all", _ALL))
    )
    body = "columns:2 26rem;white-space:pre-wrap;overflow-wrap:anywhere;font-size:1.05rem;line-height:1.75"
    return f"<div style='opacity:.85;padding-bottom:.6rem'>{legend}</div><div style='{body}'>{words}</div>"


def _table(trace: RoutingTrace, site: int, factor: float) -> pd.DataFrame:
    """One row per choice."""
    router = trace.sites[site]
    ids = trace.expert_ids[site, :, : router.top_k]
    room = capacity.capacity(len(trace), router.top_k, router.num_experts, factor)
    token, slot = np.indices(ids.shape).reshape(2, -1)
    return pd.DataFrame(
        {
            "position": token,
            "token": [trace.label(int(i)) for i in token],
            "choice": slot + 1,
            "expert": ids.ravel(),
            "lost": capacity.lost(ids, router.num_experts, room).ravel(),
        }
    )
