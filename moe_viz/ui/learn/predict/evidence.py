"""What shows that an answer is right: the measured numbers of a question as a figure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from moe_viz.figures.heatmap import heatmap
from moe_viz.figures.lessons import expert_bars, lines
from moe_viz.figures.predict import bars, first_choices, gating_weights
from moe_viz.lessons.texts import predict, predict_kind
from moe_viz.quiz.question import GIVEN, Question
from moe_viz.ui.learn.predict.words import letter, say
from moe_viz.ui.widgets.chart import chart

_RANKS = 16
"""At most this many of the largest shares are drawn."""

_ROWS, _COLUMNS = 16, 13
"""Size of the letters at a figure's axes, in pixels: readable from the back of a room, and small enough for a phone."""
SHOWN_BEFORE = frozenset({"hidden_text"})
"""Kinds whose figure is shown with the question."""


def evidence(question: Question) -> None:
    """Draw the figure, and how to read it."""
    about = say(question, "reading" if question.kind in SHOWN_BEFORE else "answer")  # which gives nothing away
    chart(
        evidence_figure, question.evidence, name=question.kind, key=f"evidence {question.kind}", alt=about, of=question
    )
    st.caption(say(question, "reading"))


def evidence_figure(table: pd.DataFrame, of: Question) -> go.Figure:
    """The figure that the question is based on, with large letters."""
    return _FIGURES[of.kind](table, of).update_xaxes(tickfont_size=_COLUMNS).update_yaxes(tickfont_size=_ROWS)


def _axis(question: Question, name: str = "axis") -> str:
    return predict_kind(question.kind)[name]


def _row(choice: int) -> str:
    return predict("given") if choice == GIVEN else letter(choice)


def _same_expert(table: pd.DataFrame, question: Question) -> go.Figure:
    wide = table.pivot_table(index="expert", columns="choice", values="gating_weight", fill_value=0.0, sort=True)
    wide = wide.rename(columns=_row)
    return gating_weights(wide.reset_index(), wide.columns.tolist(), _axis(question))


def _how_many(table: pd.DataFrame, question: Question) -> go.Figure:
    used = np.flatnonzero(table["tokens"]).tolist()
    return expert_bars(table, "expert", "tokens", used, _axis(question), "d")


def _least_sure(table: pd.DataFrame, question: Question) -> go.Figure:
    largest = table[table["rank"] <= _RANKS]
    wide = largest.pivot_table(index="rank", columns="choice", values="share", sort=True).rename(columns=letter)
    names = wide.columns.tolist()
    return lines(wide.reset_index(), names, _axis(question), _axis(question, "share"), y_format=".0%")


def _layer_apart(table: pd.DataFrame, question: Question) -> go.Figure:
    right = int(np.flatnonzero(table["choice"] == question.right)[0])
    return bars(table, "layer", "distance", right, _axis(question), ".0%")


def _same_token(table: pd.DataFrame, question: Question) -> go.Figure:
    return first_choices(table, (_axis(question, "first"), _axis(question, "second")), _axis(question))


def _share_held(table: pd.DataFrame, question: Question) -> go.Figure:
    asked = int(np.flatnonzero(table["asked"])[0])
    even = float(question.numbers["even"])
    return bars(table, "layer", "held", asked, _axis(question), ".0%", line=even)


def _hidden_text(table: pd.DataFrame, question: Question) -> go.Figure:  # noqa: ARG001 - as the others
    choices = sorted(set(table["choice"]))
    names = {choice: predict("hidden") if choice == GIVEN else letter(choice) for choice in choices}
    figure = heatmap(table, "load", kind="load", row="choice", names=names)
    return figure.update_traces(showscale=False, selector={"type": "heatmap"})  # a phone has no room for it


_FIGURES: dict[str, Callable[[pd.DataFrame, Question], go.Figure]] = {
    "same_expert": _same_expert,
    "how_many": _how_many,
    "least_sure": _least_sure,
    "layer_apart": _layer_apart,
    "same_token": _same_token,
    "share_held": _share_held,
    "hidden_text": _hidden_text,
}
