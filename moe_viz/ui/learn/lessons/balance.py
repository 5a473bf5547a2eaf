"""Balance and collapse: a small mixture trained on the spot, and the recorded collapse of a larger one."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import streamlit as st

from moe_viz.figures.lessons import expert_bars, lines
from moe_viz.lessons.live import SECONDS, Run, start
from moe_viz.lessons.recorded import recording
from moe_viz.lessons.small_moe import EXPERTS, REPORT_EVERY, STEPS, Balancing, Recipe, Report
from moe_viz.lessons.texts import Lesson
from moe_viz.ui.session import state
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.numbers import Tables, folded_tables

_KINDS: tuple[Balancing, ...] = ("none", "loss", "bias")
_STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


def draw(lesson: Lesson) -> None:
    """Choose the balancing, train, compare."""
    st.markdown(lesson.say("intro", experts=EXPERTS, even=1 / EXPERTS))
    left, right = st.columns(2, gap="large")
    with left:
        names: dict[Balancing, str] = {
            "none": lesson.say("none"),
            "loss": lesson.say("loss"),
            "bias": lesson.say("bias"),
        }
        kind: Balancing = st.segmented_control(
            lesson.say("balancing"), list(_KINDS), default="none", format_func=lambda one: names[one],
            key=state.BALANCE_KIND.key, required=True, wrap=True, bind="query-params",
        )  # fmt: skip
    strength = Recipe(kind).strength
    if kind == "loss":
        with right:
            strength = st.select_slider(
                lesson.say("strength"), _STRENGTHS, strength, key=state.BALANCE_STRENGTH.key, bind="query-params"
            )
    running = any(run.running for run in _runs().values())
    with st.container(horizontal=True):
        if st.button(lesson.say("train"), type="primary", disabled=running, key="train"):
            seed = state.TRAINING_SEED.get() or 0
            state.TRAINING_SEED.set(seed + 1)
            run = start(Recipe(kind, strength, seed))
            if run is None:
                st.info(lesson.say("busy"), icon=":material/hourglass_top:")
            else:
                _runs()[kind] = run
                running = True
        if st.button(lesson.say("stop"), disabled=not running, key="stop"):
            for run in _runs().values():
                run.stop()
    _watch(lesson, names, running)
    _price(lesson)
    _recorded(lesson)


def _runs() -> dict[Balancing, Run]:
    """The last run of each kind in this visit."""
    return state.TRAININGS.get_or_set({})


def _watch(lesson: Lesson, names: dict[Balancing, str], running: bool) -> None:
    """Draw the runs; update them while one is running."""

    @st.fragment(run_every=0.5 if running else None)
    def watch() -> None:
        shown = {kind: list(run.reports) for kind, run in _runs().items() if run.reports}
        if not shown:
            st.caption(lesson.say("nothing_yet", seconds=SECONDS))
        else:
            folded_tables(_draw_runs(lesson, names, shown) | {"small-mixture": _table})
        if running and not any(run.running for run in _runs().values()):
            st.rerun()

    watch()


def _draw_runs(lesson: Lesson, names: dict[Balancing, str], shown: dict[Balancing, list[Report]]) -> Tables:
    violations = pd.DataFrame({"step": range(0, STEPS + 1, REPORT_EVERY)})
    for kind, reports in shown.items():
        violations[names[kind]] = violations["step"].map({report.step: report.max_violation for report in reports})
    drawn = chart(
        lines,
        violations,
        name="violations",
        key="violations",
        series=[names[kind] for kind in shown],
        x_title=lesson.say("axis_steps"),
        y_title=lesson.say("axis_violation"),
        limits=(0, EXPERTS - 1),
    )
    for column, (kind, reports) in zip(st.columns(len(shown)), shown.items(), strict=True):
        last = reports[-1]
        with column:
            st.markdown(
                lesson.say("result", kind=names[kind], step=last.step, violation=last.max_violation, loss=last.loss)
            )
            drawn |= chart(
                expert_bars,
                pd.DataFrame({"expert": range(len(last.loads)), "load": last.loads}),
                name=f"loads-{kind}",
                key=f"loads {kind}",
                names="expert",
                value="load",
                chosen=[int(np.argmax(last.loads))],
                x_title=lesson.say("axis_expert"),
                tick_format=".0%",
            )
    st.caption(lesson.say("reading", most=EXPERTS - 1))
    return drawn


def _price(lesson: Lesson) -> None:
    st.markdown(lesson.say("price"))


def _recorded(lesson: Lesson) -> None:
    """The bundled model and its twin, at the last moment that both have."""
    st.subheader(lesson.say("twin"), anchor=False)
    updates, ours, twin = _violations()
    series = {lesson.say("with"): ours["worst"], lesson.say("without"): twin["worst"]}
    drawn = chart(
        lines,
        pd.DataFrame({"updates": updates, **series}),
        name="worst-layer",
        key="twin",
        series=list(series),
        x_title=lesson.say("axis_updates"),
        y_title=lesson.say("axis_worst"),
    )
    st.markdown(
        lesson.say(
            "collapsed",
            updates=updates[-1],
            ours=ours["worst"][-1],
            twin=twin["worst"][-1],
            dead=int(twin["dead"][-1]),
            all=int(twin["experts"][0]),
            alive=int(ours["dead"][-1]),
        )
    )
    folded_tables(drawn)


@cache
def _violations() -> tuple[list[int], dict[str, list[float]], dict[str, list[float]]]:
    """The updates that both recordings have, and for each recording the worst layer's MaxVio and the dead experts."""
    from moe_viz.metrics.training import routing_over_training

    lapses = recording("balanced"), recording("unbalanced")
    updates = [int(n) for n in lapses[1].updates if n in lapses[0].updates]
    both = []
    for lapse in lapses:
        by_update = routing_over_training(lapse).groupby("updates")
        both.append(
            {
                "worst": by_update["max_violation"].max().loc[updates].tolist(),
                "dead": by_update["dead_experts"].sum().loc[updates].tolist(),
                "experts": [float(len(lapse.sites) * lapse.sites[0].num_experts)],
            }
        )
    return updates, both[0], both[1]


def _table() -> pd.DataFrame:
    """One row per report."""
    rows = [
        {
            "balancing": kind,
            "strength": run.recipe.strength if kind == "loss" else None,
            "seed": run.recipe.seed,
            "step": report.step,
            "MaxVio": report.max_violation,
            "loss": report.loss,
        }
        | {f"load of expert {expert}": load for expert, load in enumerate(report.loads)}
        for kind, run in _runs().items()
        for report in list(run.reports)
    ]
    return pd.DataFrame(rows)
