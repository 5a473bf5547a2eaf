"""What shows that an answer is right: the measured numbers of a question as a figure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from moe_viz.figures.heatmap import layers_by_experts
from moe_viz.figures.lessons import expert_bars, lines
from moe_viz.figures.predict import bars, first_choices, weights
from moe_viz.lessons.texts import predict, predict_kind
from moe_viz.quiz.question import GIVEN, Question
from moe_viz.ui.learn.predict.words import letter, say
from moe_viz.ui.widgets.chart import chart

_RANKS = 16
"""No more of the largest shares are drawn."""

_ROWS, _COLUMNS = 16, 13
"""Size of the letters at a figure's axes, in pixels: to be read from the back of a room, and to fit a phone."""
SHOWN_BEFORE = frozenset({"hidden_text"})
"""Kinds whose figure belongs to the question."""


def evidence(question: Question) -> None:
    """Draw the figure, and how to read it."""
    figure = _FIGURES[question.kind](question).update_xaxes(tickfont_size=_COLUMNS).update_yaxes(tickfont_size=_ROWS)
    about = say(question, "reading" if question.kind in SHOWN_BEFORE else "answer")  # which gives nothing away
    chart(figure, key=f"evidence {question.kind}", alt=about)
    st.caption(say(question, "reading"))


def _axis(question: Question, name: str = "axis") -> str:
    return predict_kind(question.kind)[name]


def _row(choice: int) -> str:
    return predict("given") if choice == GIVEN else letter(choice)


def _same_expert(question: Question) -> go.Figure:
    table = question.evidence.pivot_table(
        index="choice", columns="expert", values="gating_weight", fill_value=0.0, sort=True
    )
    experts = [int(expert) for expert in table.columns.to_numpy()]
    return weights(table.to_numpy(), [_row(int(i)) for i in table.index.to_numpy()], experts, _axis(question))


def _how_many(question: Question) -> go.Figure:
    tokens = question.evidence["tokens"].to_numpy()
    woken = [int(expert) for expert in np.flatnonzero(tokens)]
    return expert_bars(tokens, woken, _axis(question), "d")


def _least_sure(question: Question) -> go.Figure:
    largest = question.evidence[question.evidence["rank"] <= _RANKS]
    of = {letter(choice): largest[largest["choice"] == choice] for choice in range(len(question.choices))}
    series = {name: rows["share"].tolist() for name, rows in of.items()}
    ranks = [f"{rank}" for rank in sorted(set(largest["rank"]))]
    return lines(series, ranks, _axis(question), _axis(question, "share"), y_format=".0%")


def _layer_apart(question: Question) -> go.Figure:
    table = question.evidence
    right = int(np.flatnonzero(table["choice"] == question.right)[0])
    return bars(table["distance"].to_numpy(), table["layer"].tolist(), right, _axis(question), ".0%")


def _same_token(question: Question) -> go.Figure:
    table = question.evidence
    return first_choices(
        table["first"].to_numpy(),
        table["second"].to_numpy(),
        table["layer"].tolist(),
        (_axis(question, "first"), _axis(question, "second")),
        _axis(question),
    )


def _share_held(question: Question) -> go.Figure:
    table = question.evidence
    asked = int(np.flatnonzero(table["asked"])[0])
    even = float(question.numbers["even"])
    return bars(table["held"].to_numpy(), table["layer"].tolist(), asked, _axis(question), ".0%", line=even)


def _hidden_text(question: Question) -> go.Figure:
    table = question.evidence.pivot_table(index="choice", columns="expert", values="load", sort=True)
    rows = [predict("hidden") if choice == GIVEN else letter(int(choice)) for choice in table.index.to_numpy()]
    figure = layers_by_experts(table.to_numpy(), rows, kind="load")
    return figure.update_traces(showscale=False, selector={"type": "heatmap"})  # a phone has no room for it


_FIGURES: dict[str, Callable[[Question], go.Figure]] = {
    "same_expert": _same_expert,
    "how_many": _how_many,
    "least_sure": _least_sure,
    "layer_apart": _layer_apart,
    "same_token": _same_token,
    "share_held": _share_held,
    "hidden_text": _hidden_text,
}
