"""Total and active parameters: well-known models, and what other experts would change."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from moe_viz.catalogue import KnownModel, find_model
from moe_viz.figures.lessons import stacked
from moe_viz.lessons.sizes import Sizes, known_sizes
from moe_viz.lessons.texts import Lesson
from moe_viz.ui.session import state
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.numbers import Tables, folded_tables

MIXTRAL, DEEPSEEK = "Mixtral 8x7B", "DeepSeek-V3"
_BILLION = 1e9


def draw(lesson: Lesson) -> None:
    """A model's weights and what one token uses of them, then sliders."""
    st.markdown(lesson.say("intro"))
    names = list(known_sizes())
    name: str = st.selectbox(
        lesson.say("model"),
        names,
        index=names.index(MIXTRAL),
        key=state.SIZES_MODEL.key,
        bind="query-params",
        width=420,
    )
    known = known_sizes()[name]
    left, middle, right = st.columns(3, gap="large")
    # Another model has sliders of its own, at its own values.
    with left:
        experts = st.slider(
            lesson.say("experts"),
            1,
            2 * known.experts,
            known.experts,
            key=state.SIZES_EXPERTS.of(name).key,
            bind="query-params",
        )
    with middle:
        most = min(2 * known.top_k + 2, known.experts)
        top_k = st.slider(
            lesson.say("k"), 1, most, known.top_k, key=state.SIZES_TOP_K.of(name).key, bind="query-params"
        )
    with right:
        width = st.slider(
            lesson.say("width"), 0.25, 2.0, 1.0, 0.25, key=state.SIZES_WIDTH.of(name).key, bind="query-params"
        )
    changed = known.changed(experts, min(top_k, experts), width)
    drawn = _bars(lesson, changed)
    if changed == known:
        st.markdown(lesson.say("unchanged"))
    else:
        st.markdown(
            lesson.say(
                "changed",
                experts=experts,
                top_k=changed.top_k,
                width=width,
                total=changed.total / _BILLION,
                active=changed.active / _BILLION,
                total_change=changed.total / known.total - 1,
                active_change=changed.active / known.active - 1,
            )
        )
    _explained(lesson, name, known)
    folded_tables(drawn | {"parameters": _table})


def _bars(lesson: Lesson, sizes: Sizes) -> Tables:
    every, chosen, idle = sizes.fixed + sizes.routers, sizes.routed_per_token, sizes.routed - sizes.routed_per_token
    parts = {
        lesson.say("part_fixed"): [every / _BILLION] * 2,
        lesson.say("part_chosen"): [chosen / _BILLION] * 2,
        lesson.say("part_idle"): [idle / _BILLION, 0],
    }
    table = pd.DataFrame({"weights": [lesson.say("row_total"), lesson.say("row_active")], **parts})
    title = lesson.say("axis")
    return chart(stacked, table, name="total-and-active", key="sizes", parts=list(parts), x_title=title)


def _explained(lesson: Lesson, name: str, known: Sizes) -> None:
    shared = (known.fixed + known.routers) / _BILLION
    one = known.changed(known.experts, 1).active / _BILLION
    st.markdown(
        lesson.say(
            "sentence",
            model=name,
            total=known.total / _BILLION,
            active=known.active / _BILLION,
            share=known.active / known.total,
            routers=known.routed_layers,
            experts=known.experts + known.zero_experts,
            top_k=known.top_k,
        )
    )
    st.markdown(
        lesson.say(
            "fixed",
            fixed=shared,
            routed=known.routed / _BILLION,
            chosen=known.routed_per_token / _BILLION,
        )
    )
    total = known.total / _BILLION
    if name == MIXTRAL:
        st.markdown(lesson.say("mixtral", product=known.experts * 7, one=one, total=total, shared=shared))
    elif name == DEEPSEEK:
        expert = known.one_expert / known.routed_layers / 1e6
        share = known.routed_per_token / known.routed
        st.markdown(lesson.say("deepseek", expert=expert, experts=known.experts, top_k=known.top_k, chosen_share=share))
    if not known.zero_experts:
        st.markdown(
            lesson.say("copies", experts=known.experts, one=one, all=one * known.experts, shared=shared, total=total)
        )
    st.caption(lesson.say("published", published=_published(lesson, find_model(name))))


def _published(lesson: Lesson, model: KnownModel | None) -> str:
    if model is None or model.total is None or not model.confirmed:
        return lesson.say("published_none")
    if model.active is None:
        return lesson.say("published_total", total=model.total)
    return lesson.say("published_both", total=model.total, active=model.active)


def _table() -> pd.DataFrame:
    """One row per model."""
    return pd.DataFrame(
        [
            {
                "model": name,
                "total": sizes.total,
                "active": sizes.active,
                "routed": sizes.routed,
                "routers": sizes.routers,
                "fixed": sizes.fixed,
                "experts": sizes.experts,
                "compute nothing": sizes.zero_experts,
                "k": sizes.top_k,
                "layers": sizes.layers,
                "layers with a router": sizes.routed_layers,
            }
            for name, sizes in known_sizes().items()
        ]
    )
