"""A batch activates all experts: distinct experts by size of the batch, and the weights that it reads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from moe_viz.figures.lessons import lines
from moe_viz.lessons.batch import SIZES, experts_used, experts_used_if_uniform, weights_read
from moe_viz.lessons.recorded import final
from moe_viz.lessons.sizes import Sizes, known_sizes
from moe_viz.lessons.texts import Lesson, common
from moe_viz.probes import TITLES
from moe_viz.ui.learn.lessons.kind import choose_kind
from moe_viz.ui.session import state
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.numbers import Tables, folded_tables

_BYTES, _GIGA = 2, 1e9
_LOOKED_AT = 8
"""The batch that the sentence is about."""


def draw(lesson: Lesson) -> None:
    """Measured beside uniform, then what it means for memory."""
    st.markdown(lesson.say("intro"))
    kind = choose_kind(lesson.say("kind"), "chess", state.BATCH_KIND)
    recorded = final()
    experts, top_k = recorded.experts, recorded.top_k
    alone = experts_used(recorded.of(kind), experts)
    mixed = experts_used(recorded.expert_ids, experts)
    uniform = np.array([experts_used_if_uniform(experts, top_k, n) for n in SIZES])
    series = {
        lesson.say("line_mixed"): mixed,
        lesson.say("line_kind", kind=TITLES[kind]): alone,
        lesson.say("line_uniform"): uniform,
    }
    drawn = chart(
        lines,
        pd.DataFrame({"tokens": SIZES, **series}),
        name="distinct-experts",
        key="used",
        series=list(series),
        x_title=lesson.say("axis_tokens"),
        y_title=lesson.say("axis_experts"),
        limits=(0, experts * 1.05),
        dashed=lesson.say("line_uniform"),
    )
    at = SIZES.index(_LOOKED_AT)
    st.markdown(
        lesson.say(
            "measured",
            n=_LOOKED_AT,
            mixed=mixed[at],
            alone=alone[at],
            uniform=uniform[at],
            experts=experts,
            kind=TITLES[kind],
        )
    )
    if np.isnan(alone).any():
        st.caption(lesson.say("ends"))
    drawn |= _memory(lesson)
    folded_tables(drawn)
    st.caption(common("recorded_text"))


def _memory(lesson: Lesson) -> Tables:
    st.subheader(lesson.say("memory"), anchor=False)
    st.markdown(lesson.say("memory_intro", bits=8 * _BYTES))
    names = list(known_sizes())
    left, right = st.columns(2, gap="large")
    with left:
        name: str = st.selectbox(
            lesson.say("model"), names, index=names.index("DeepSeek-V3"), key=state.BATCH_MODEL.key, bind="query-params"
        )
    with right:
        n: int = st.segmented_control(
            lesson.say("n"), SIZES, default=64, key=state.BATCH_TOKENS.key, required=True, bind="query-params"
        )
    known = known_sizes()[name]
    read = _gigabytes(known, n)
    single = _gigabytes(known, 1)
    share = experts_used_if_uniform(known.experts + known.zero_experts, known.top_k, n)
    st.markdown(
        lesson.say(
            "reads",
            n=n,
            model=name,
            share=share / (known.experts + known.zero_experts),
            gigabytes=read,
            each=read / n,
            single=single,
        )
    )
    each = [_gigabytes(known, size) / size for size in SIZES]
    drawn = chart(
        lines,
        pd.DataFrame({"tokens": SIZES, name: each}),
        name="gigabytes-per-token",
        key="reads",
        series=[name],
        x_title=lesson.say("axis_tokens"),
        y_title=lesson.say("axis_gigabytes"),
        marked=SIZES.index(n),
    )
    if n > 1:
        steps = n * single
        st.markdown(lesson.say("prompt", n=n, gigabytes=read, steps=steps, times=steps / read))
    return drawn


def _gigabytes(known: Sizes, tokens: int) -> float:
    return weights_read(known, tokens) * _BYTES / _GIGA
