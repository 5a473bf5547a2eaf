"""How it was learned: the recorded training, measure by measure, with a slider through it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from moe_viz.figures.heatmap import heatmap
from moe_viz.figures.lessons import lines
from moe_viz.lessons.texts import Lesson, common
from moe_viz.metrics.training import load_table
from moe_viz.ui.learn.recordings import Recording, recordings
from moe_viz.ui.session import state
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.numbers import folded_tables

_ABOUT = {
    "domain_information": "about_domain_information",
    "router_saturation": "about_router_saturation",
    "max_violation": "about_max_violation",
}
_SECONDS = 1.2
"""Seconds from one moment to the next while it plays."""


def draw(lesson: Lesson) -> None:
    """One measure over the training, and all loads at a moment of it."""
    st.markdown(lesson.say("intro", texts=len(_recording().lapse.text_domain)))
    playing = st.toggle(lesson.say("play"), key=state.LEARNED_PLAY.key, bind="query-params")
    st.fragment(_moment, run_every=_SECONDS if playing else None)(lesson, playing)
    st.caption(common("recorded_training"))


def _recording() -> Recording:
    return recordings()[0]


def _moment(lesson: Lesson, playing: bool) -> None:
    lapse, table = _recording().lapse, _recording().routing
    updates = lapse.updates.tolist()
    if playing and (played := state.LEARNED_AFTER.get()) is not None:
        state.LEARNED_AFTER.set(updates[(updates.index(played) + 1) % len(updates)])
    after: int = st.select_slider(
        lesson.say("moment"),
        updates,
        updates[0],
        format_func=lambda n: f"{n:,}",
        key=state.LEARNED_AFTER.key,
        bind=None if playing else "query-params",  # each step would be one more page to go back to
    )
    names = dict(zip(_ABOUT, (lesson.say(measure) for measure in _ABOUT), strict=True))
    measure: str = st.segmented_control(
        lesson.say("measure"),
        list(_ABOUT),
        default="domain_information",
        format_func=names.__getitem__,
        key=state.LEARNED_MEASURE.key,
        bind="query-params",
        required=True,
        wrap=True,
    )
    st.markdown(lesson.say(_ABOUT[measure]))
    wide = table.pivot_table(index="updates", columns="layer", values=measure)
    wide = wide.rename(columns=lambda layer: lesson.say("layer", layer=layer))
    frame = updates.index(after)
    drawn = chart(
        lines,
        wide.reset_index(),
        name=measure.replace("_", "-"),
        key="learned measure",
        series=wide.columns.tolist(),
        x_title=lesson.say("axis_updates"),
        y_title=names[measure],
        marked=frame,
    )
    now, end = _means(table, after), _means(table, updates[-1])
    st.markdown(
        lesson.say(
            "now",
            updates=after,
            tokens=int(lapse.tokens_seen[frame]) / 1e6,
            share=lapse.tokens_seen[frame] / lapse.tokens_seen[-1],
            saturation=now["router_saturation"],
            information=now["domain_information"],
            end=end["domain_information"],
            violation=now["max_violation"],
        )
    )
    st.markdown(lesson.say("loads"))
    loads = _recording().loads
    drawn |= chart(
        heatmap,
        load_table(loads[frame]),
        name="load-of-experts",
        key="learned loads",
        value="load",
        kind="load",
        row="layer",
        names={layer: f"L{layer}" for layer in range(loads.shape[1])},
        limit=float(loads.max()),
    )
    folded_tables(drawn | {"training": lambda: table})


def _means(table: pd.DataFrame, after: int) -> pd.Series[float]:
    """The mean over layers after this many updates."""
    return table[table["updates"] == after].mean()
