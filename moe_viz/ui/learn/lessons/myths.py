"""What people get wrong: six sentences; a person judges each, then sees the answer in numbers."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from moe_viz.figures.lessons import named_bars
from moe_viz.lessons.myths import facts, shares_of_expert
from moe_viz.lessons.recorded import recording
from moe_viz.lessons.texts import Lesson, common
from moe_viz.probes import TITLES
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.numbers import Tables, folded_tables

_MYTHS = (
    ("uses_all", "uses_all_answer"),
    ("more_is_better", "more_is_better_answer"),
    ("replaces_dense", "replaces_dense_answer"),
    ("topic", "topic_answer"),
    ("cheaper", "cheaper_answer"),
    ("understands", "understands_answer"),
)


def draw(lesson: Lesson) -> None:
    """Each sentence with a choice of true or false; the answer comes after the choice."""
    st.markdown(lesson.say("intro"))
    known = facts()
    drawn: Tables = {"answers": lambda: pd.DataFrame([known.numbers()]).T.astype(str).reset_index(names="number")}
    numbers = known.numbers() | {"domain": TITLES[known.domain]}
    judged = [lesson.say("true"), lesson.say("partly"), lesson.say("false")]
    for myth, answer in _MYTHS:
        with st.container(border=True):
            st.subheader(lesson.say(myth, **numbers), anchor=False)
            chosen = st.segmented_control(lesson.say("judge"), judged, key=f"myth {myth}", label_visibility="collapsed")
            if chosen is not None:
                st.markdown(lesson.say(answer, **numbers))
                if myth == "topic":
                    drawn |= _expert(lesson)
    folded_tables(drawn)
    st.caption(common("recorded_text"))


def _expert(lesson: Lesson) -> Tables:
    """The expert that comes closest to a topic: its share of every kind of text."""
    shares = shares_of_expert()
    table = pd.DataFrame({"name": [TITLES[kind] for kind in recording().domains], "share": shares})
    return chart(
        named_bars,
        table.sort_values("share", ascending=False, kind="stable", ignore_index=True),
        name="share-by-kind",
        key="expert",
        value="share",
        chosen={0},
        x_title=lesson.say("axis_share"),
        number_format=".1%",
    )
