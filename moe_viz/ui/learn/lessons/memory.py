"""Memory is not saved: bytes at each precision, what holds them, and what fetching would cost."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from moe_viz.figures.lessons import stacked
from moe_viz.lessons.memory import BITS, DEVICES, fetched_per_token, gigabytes, tokens_until_all
from moe_viz.lessons.recorded import final, recording
from moe_viz.lessons.sizes import Sizes, known_sizes
from moe_viz.lessons.texts import Lesson
from moe_viz.ui.session import state
from moe_viz.ui.session.model_in_use import engine, model_name
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.numbers import folded_tables
from moe_viz.ui.widgets.words import memory_text, plain


def draw(lesson: Lesson) -> None:
    """A model's memory, then the reason why all of it is needed."""
    st.markdown(lesson.say("intro"))
    names = list(known_sizes())
    left, right = st.columns(2, gap="large")
    with left:
        name: str = st.selectbox(
            lesson.say("model"),
            names,
            index=names.index("Mixtral 8x7B"),
            key=state.MEMORY_MODEL.key,
            bind="query-params",
        )
    with right:
        precision: str = st.segmented_control(
            lesson.say("precision"),
            list(BITS),
            default="bfloat16",
            key=state.MEMORY_PRECISION.key,
            required=True,
            bind="query-params",
        )
    known = known_sizes()[name]
    bits = BITS[precision]
    held = gigabytes(known.total, bits)
    used = gigabytes(known.active, bits)
    parts = {
        lesson.say("part_used"): [gigabytes(known.active, b) for b in BITS.values()],
        lesson.say("part_waiting"): [gigabytes(known.total - known.active, b) for b in BITS.values()],
    }
    drawn = chart(
        stacked,
        pd.DataFrame({"precision": list(BITS), **parts}),
        name="memory-of-one-model",
        key="memory",
        parts=list(parts),
        x_title=lesson.say("axis"),
    )
    st.markdown(lesson.say("needs", model=name, precision=precision, held=held, used=used, share=used / held))
    fits = [device for device, size in DEVICES.items() if size > held]
    if fits:
        st.markdown(lesson.say("fits", device=fits[0], held=held))
    else:
        st.markdown(lesson.say("fits_none", device=list(DEVICES)[-1], held=held))
    _all_needed(lesson)
    _offloading(lesson, known, bits)
    _measured(lesson)
    folded_tables(drawn | {"memory": _table})


def _all_needed(lesson: Lesson) -> None:
    """How soon one text has used every expert of a layer."""
    st.subheader(lesson.say("why"), anchor=False)
    last, lapse = final(), recording()
    needed = tokens_until_all(last.expert_ids, last.experts)
    passage = lapse.token_text == lapse.watched[0]
    one = last.expert_ids[:, passage]
    used = sum(len(set(site.ravel().tolist())) for site in one)
    st.markdown(
        lesson.say(
            "all_needed",
            tokens=int(passage.sum()),
            used=used,
            all=last.experts * len(one),
            most=int(needed.max()),
        )
    )


def _offloading(lesson: Lesson, known: Sizes, bits: int) -> None:
    st.subheader(lesson.say("offloading"), anchor=False)
    speed = st.slider(lesson.say("speed"), 1, 128, 32, key=state.MEMORY_SPEED.key, bind="query-params")
    each = fetched_per_token(known, bits)
    kept = gigabytes(known.total - known.routed, bits)
    st.markdown(lesson.say("fetch", kept=kept, each=each, speed=speed, seconds=each / speed, rate=speed / each))


def _measured(lesson: Lesson) -> None:
    """The loaded model's own memory, once it is there."""
    current = engine()
    if current.state != "ready":
        st.caption(lesson.say("not_ready"))
        return
    info = current.info()
    memory = sum(size for _, size in info.memory)
    st.markdown(
        lesson.say(
            "loaded",
            model=plain(model_name()),
            weights=info.count.total,
            memory=memory_text(memory),
            active=info.count.active / info.count.total,
        )
    )


def _table() -> pd.DataFrame:
    """One row per model, gigabytes at each precision."""
    return pd.DataFrame(
        [
            {"model": name} | {f"{precision}, GB": gigabytes(sizes.total, bits) for precision, bits in BITS.items()}
            for name, sizes in known_sizes().items()
        ]
    )
