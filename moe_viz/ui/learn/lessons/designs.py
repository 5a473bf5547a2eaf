"""Designs: which models have one, what it changes in numbers, two models side by side."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from moe_viz.figures.topology import topology
from moe_viz.lessons.designs import DESIGNS, STANDARD, Built, choices, known_designs, with_design
from moe_viz.lessons.hash_routing import agreement
from moe_viz.lessons.sizes import known_sizes
from moe_viz.lessons.texts import Lesson
from moe_viz.metrics.topology import span
from moe_viz.ui.learn.lessons.lookup import lookup
from moe_viz.ui.session import state
from moe_viz.ui.session.profile_view import recorded
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.numbers import Tables, folded_tables
from moe_viz.ui.widgets.words import large_text

_BILLION = 1e9
_NAMES = {
    "shared": ("shared", "shared_what"),
    "fine": ("fine", "fine_what"),
    "first": ("first", "first_what"),
    "some": ("some", "some_what"),
    "nothing": ("nothing", "nothing_what"),
    "hash": ("hash", "hash_what"),
}
"""For each design, the keys of its name and of its explanation."""
_FIRST_SHOWN = {"shared": "DeepSeek-V3", "fine": "DeepSeek-V3", "first": "DeepSeek-V3", "some": "Jamba v0.1"}
_BESIDE = "Mixtral 8x7B"


def draw(lesson: Lesson) -> None:
    """A design, the models that have it, and what it changes."""
    st.markdown(lesson.say("intro"))
    design: str = st.segmented_control(
        lesson.say("design"),
        list(DESIGNS),
        default="fine",
        format_func=lambda key: lesson.say(_NAMES[key][0]),
        key=state.DESIGN.key,
        required=True,
        wrap=True,
        bind="query-params",
    )
    having = with_design(design)
    st.markdown(_what(lesson, design, having))
    of_catalogue = [name for name in having if name in known_sizes()]
    if of_catalogue:
        st.markdown(
            lesson.say("who", count=len(known_sizes()), number=len(of_catalogue), names=", ".join(of_catalogue))
        )
    left, right = st.columns(2, gap="large")
    with left:
        first = having.index(_FIRST_SHOWN.get(design, having[0]))
        name: str = st.selectbox(
            lesson.say("model"), having, index=first, key=state.DESIGN_MODEL.of(design).key, bind="query-params"
        )
    with right:
        others = [other for other in known_sizes() if other != name]
        beside: str = st.selectbox(
            lesson.say("beside"),
            others,
            index=others.index(_BESIDE),
            key=state.DESIGN_BESIDE.of(design).key,
            bind="query-params",
        )
    drawn: Tables = {}
    for column, shown in zip((left, right), (name, beside), strict=True):
        with column:
            built = known_designs()[shown]
            said = "; ".join(f"{span(kind['layer'])}: {kind['words']}" for kind in built.kinds)
            file = f"layers-{shown.lower().replace(' ', '-')}"
            drawn |= chart(topology, built.layers, name=file, key=f"layers {shown}", alt=said)
    st.table(_beside_each_other(lesson, name, beside))
    drawn |= _changes(lesson, design, name, beside)
    folded_tables(drawn | {"designs": lambda: _table(lesson, *known_designs())})


def _what(lesson: Lesson, design: str, having: tuple[str, ...]) -> str:
    key = _NAMES[design][1]
    if design != "hash":
        return lesson.say(key, standard=STANDARD)
    built = known_designs()[having[0]]
    layers = sum(len(kind["layer"]) for kind in built.kinds if "looked up" in kind["rule"])
    return lesson.say(key, families=", ".join(having), layers=layers, all=len(built.layers))


def _beside_each_other(lesson: Lesson, *names: str) -> pd.DataFrame:
    """One row per number, one column per model, as a page writes them."""
    rows = {}
    for name in names:
        built = known_designs()[name]
        one = built.router
        rows[name] = {
            lesson.say("row_experts"): f"{one['experts'] - one['zero_experts']}",
            lesson.say("row_k"): f"{one['top_k']}",
            lesson.say("row_shared"): f"{one['shared_experts']}",
            lesson.say("row_sets"): large_text(built.sets),
            lesson.say("row_size"): f"{built.size:.0%}",
            lesson.say("row_total"): f"{built.total / _BILLION:,.1f}",
            lesson.say("row_active"): f"{built.active / _BILLION:,.1f}",
            lesson.say("row_part"): f"{built.active / built.total:.1%}",
            lesson.say("row_dense"): f"{len(built.dense)}",
            lesson.say("row_layers"): f"{_layers(built)}",
        }
    return pd.DataFrame(rows)


def _layers(built: Built) -> int:
    return len(built.layers.drop_duplicates(["stack", "layer"]))


def _table(lesson: Lesson, *names: str) -> pd.DataFrame:
    """One row per model."""
    return _beside_each_other(lesson, *names).T.reset_index(names="model")


def _changes(lesson: Lesson, design: str, name: str, beside: str) -> Tables:
    """What the design does to this model, in numbers. Returns what is drawn."""
    built, one = known_designs()[name], known_designs()[name].router
    if design == "fine":
        _fine(lesson, name, beside)
    elif design == "shared":
        shared, active = built.shared / _BILLION, built.active / _BILLION
        st.markdown(lesson.say("shared_numbers", model=name, shared=shared, active=active, part=shared / active))
    elif design == "first":
        agree = agreement(recorded().profile)
        early, late = int(agree.argmax()), int(agree.argmin())
        st.markdown(
            lesson.say(
                "first_numbers",
                model=name,
                dense=span(built.dense),
                layers=_layers(built),
                early=agree[early],
                early_layer=early,
                late=agree[late],
                late_layer=late,
            )
        )
    elif design == "some":
        st.markdown(
            lesson.say(
                "some_numbers",
                model=name,
                dense=len(built.dense),
                layers=_layers(built),
                part=built.active / built.total,
            )
        )
    elif design == "nothing":
        real = one["experts"] - one["zero_experts"]
        st.markdown(
            lesson.say(
                "nothing_numbers",
                model=name,
                top_k=one["top_k"],
                experts=real,
                zero=one["zero_experts"],
                real=one["top_k"] * real / one["experts"],
            )
        )
    else:
        return lookup(lesson)
    return {}


def _fine(lesson: Lesson, name: str, beside: str) -> None:
    """The sizes compared, and the other model's experts to cut."""
    built, other = known_designs()[name], known_designs()[beside]
    st.markdown(
        lesson.say(
            "fine_numbers",
            model=name,
            beside=beside,
            size=built.size,
            beside_size=other.size,
            sets=large_text(built.sets),
            beside_sets=large_text(other.sets),
        )
    )
    known = known_sizes()[beside]
    pieces: int = st.segmented_control(
        lesson.say("cut", beside=beside),
        [1, 2, 4, 8],
        default=4,
        key=state.DESIGN_CUT.key,
        required=True,
        bind="query-params",
    )
    cut = known.changed(known.experts * pieces, known.top_k * pieces, 1 / pieces)
    st.markdown(
        lesson.say(
            "cut_numbers",
            beside=beside,
            experts=cut.experts,
            top_k=cut.top_k,
            total=known.total / _BILLION,
            active=known.active / _BILLION,
            sets=large_text(choices(cut.experts, cut.top_k)),
            before=large_text(choices(known.experts, known.top_k)),
        )
    )
