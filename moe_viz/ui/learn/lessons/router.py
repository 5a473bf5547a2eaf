"""What a router does: one token, one layer, step by step."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from moe_viz.figures.lessons import expert_bars, vectors, weights_by_rule
from moe_viz.lessons import scoring
from moe_viz.lessons.one_token import Steps, sentence, steps
from moe_viz.lessons.texts import Lesson, common
from moe_viz.ui.session import state
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.numbers import Tables, folded_tables
from moe_viz.ui.widgets.words import plain

OWN_K = 2


def draw(lesson: Lesson) -> None:
    """The steps, then the rules in use side by side."""
    st.markdown(lesson.say("intro"))
    read = sentence()
    token: int = st.segmented_control(
        lesson.say("token"),
        list(range(len(read.tokens))),
        default=9,
        format_func=lambda i: plain(read.tokens[i].strip() or "␣"),
        key=state.ROUTER_TOKEN.key,
        required=True,
        wrap=True,
        bind="query-params",
    )
    left, right = st.columns(2, gap="large")
    layers = list(range(len(read.hidden)))
    with left:
        layer: int = st.segmented_control(
            lesson.say("layer"), layers, default=3, key=state.ROUTER_LAYER.key, required=True, bind="query-params"
        )
    with right:
        k: int = st.segmented_control(
            lesson.say("k"), [1, OWN_K, 4, 8], default=OWN_K, key=state.ROUTER_K.key, required=True, bind="query-params"
        )
    done = steps(layer, token, k)
    drawn = _steps(lesson, done, k)
    drawn |= _rules(lesson, done, k)
    folded_tables(drawn)
    st.caption(common("recorded"))


def _steps(lesson: Lesson, done: Steps, k: int) -> Tables:
    table = pd.DataFrame({"expert": range(len(done.logits)), "logit": done.logits, "score": done.scores})
    vector = pd.DataFrame({"dimension": range(len(done.hidden)), "hidden state": done.hidden})
    experts = len(done.logits)
    first = int(done.logits.argmax())
    chosen = [int(expert) for expert in done.chosen]
    st.markdown(lesson.say("step_hidden", dim=len(done.hidden)))
    title = lesson.say("axis_hidden")
    drawn = chart(vectors, vector, name="hidden-state", key="hidden", labels=[""], x_title=title)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(
            lesson.say(
                "step_logits", dim=len(done.hidden), experts=experts, first=first, largest=float(done.logits[first])
            )
        )
        drawn |= _bars(lesson, table, "logit", chosen, ".1f")
    with right:
        st.markdown(lesson.say("step_scores"))
        drawn |= _bars(lesson, table, "score", chosen, ".0%")
    listed = ", ".join(map(str, chosen))
    st.markdown(lesson.say("step_choice", k=k, chosen=listed, share=done.share, left_out=experts - k))
    st.markdown(lesson.say("step_weights", weights=" + ".join(f"{weight:.2f}" for weight in done.weights)))
    st.markdown(lesson.say("step_sum"))
    rows = [lesson.say("row_product", weight=w, expert=e) for w, e in zip(done.weights, chosen, strict=True)]
    total = lesson.say("row_total")
    rows.append(f"<b>{total}</b>")
    products = done.weights[:, None] * done.outputs
    columns = {f"expert {expert}": product for expert, product in zip(chosen, products, strict=True)}
    summed = pd.DataFrame({"dimension": range(len(done.hidden)), **columns, "sum": done.total})
    drawn |= chart(vectors, summed, name="weighted-sum", key="sum", labels=rows, x_title=title)
    st.caption(lesson.say("own_k" if k == OWN_K else "other_k", k=OWN_K))
    return drawn


def _bars(lesson: Lesson, table: pd.DataFrame, column: str, chosen: list[int], tick_format: str) -> Tables:
    return chart(
        expert_bars,
        table,
        name="router-steps",
        key=f"{column}s",
        names="expert",
        value=column,
        chosen=chosen,
        x_title=lesson.say("axis_expert"),
        tick_format=tick_format,
    )


def _rules(lesson: Lesson, done: Steps, k: int) -> Tables:
    st.subheader(lesson.say("rules"), anchor=False)
    st.markdown(lesson.say("rules_intro"))
    pushed = scoring.best_left_out(done.logits, k)
    bias = st.slider(
        lesson.say("bias", expert=pushed), 0.0, 1.0, 0.1, 0.01, key=state.ROUTER_BIAS.key, bind="query-params"
    )
    weights = scoring.side_by_side(done.logits, k, bias)
    by_rule = {lesson.say(rule.name): row for rule, row in zip(scoring.RULES, weights, strict=True)}
    drawn = chart(
        weights_by_rule,
        pd.DataFrame({"expert": range(len(done.logits)), **by_rule}),
        name="gating-weights-by-rule",
        key="rules",
        rules=list(by_rule),
        x_title=lesson.say("axis_expert"),
    )
    by_name = dict(zip((rule.name for rule in scoring.RULES), weights, strict=True))
    if by_name["rule_bias"][pushed]:
        st.markdown(lesson.say("bias_in", expert=pushed))
    else:
        st.markdown(lesson.say("bias_out", expert=pushed, needed=scoring.bias_needed(done.logits, k)))
    difference = float(np.abs(by_name["rule_divided"] - by_name["rule_chosen_first"]).max())
    undivided = float(by_name["rule_softmax"].sum())
    st.markdown(lesson.say("rules_same", difference=difference, undivided=undivided))
    st.markdown(lesson.say("groups", experts=len(done.logits), size=len(done.logits) // 4))
    st.caption(lesson.say("rules_used"))
    return drawn
