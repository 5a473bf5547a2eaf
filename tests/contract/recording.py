"""What a page draws, caught where it is drawn: each figure with its table, and every table that is handed out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.testing.v1 import AppTest

from moe_viz.lessons.texts import Lesson
from moe_viz.ui.widgets import chart, definition, numbers


@dataclass(frozen=True, eq=False)
class Drawn:
    """One figure, and what it was drawn from."""

    figure_of: Callable[..., go.Figure]
    table: pd.DataFrame
    options: dict[str, Any]
    key: str
    alt: str | None
    figure: go.Figure


@dataclass(eq=False)
class Page:
    """What a page came to."""

    app: AppTest
    figures: list[Drawn] = field(default_factory=list)
    handed_out: dict[str, pd.DataFrame] = field(default_factory=dict)
    """Tables by their files' names, as they are when they are unfolded."""
    shown: dict[str, pd.DataFrame] = field(default_factory=dict)
    """Tables that stand on the page unfolded, by key."""
    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the sentences of a lesson name, by the sentence's key."""

    def figure(self, key: str) -> Drawn:
        (found,) = [drawn for drawn in self.figures if drawn.key == key]
        return found

    @property
    def said(self) -> str:
        """All sentences, without the escapes of Markdown."""
        every = [*self.app.caption, *self.app.markdown, *self.app.info]
        return "\n".join(element.value for element in every).replace("\\", "")

    @property
    def metrics(self) -> dict[str, str]:
        return {metric.label: metric.value for metric in self.app.metric}


_PART: list[Callable[[], object]] = []
"""What the script of `draw_page` runs: a script cannot be given a value otherwise."""


_FAILED: list[BaseException] = []


def run() -> None:
    try:
        _PART[-1]()
    except Exception as error:  # Streamlit tells it to a log alone
        _FAILED.append(error)
        raise


def draw_page(monkeypatch, part: Callable[[], object], state: dict[str, Any] | None = None) -> Page:
    """Draw a part of a page with the session's `state`, every table unfolded; nothing may fail."""
    app = AppTest.from_string("from tests.contract.recording import run\nrun()", default_timeout=60)
    page = Page(app)

    def plot(figure_of, table, options, *, key, alt, on_select):
        page.figures.append(Drawn(figure_of, table, options, key, alt, figure_of(table, **options)))

    expander, dataframe = st.expander, st.dataframe

    def unfolded(label, **options):
        return expander(label, expanded=label == "Numbers", **options)

    def recorded(rows, **options):
        page.shown[options.get("key") or f"shown {len(page.shown)}"] = rows
        return dataframe(rows, **options)

    say = Lesson.say

    def said(lesson, key, **values):
        page.numbers[key] = values
        return say(lesson, key, **values)

    with monkeypatch.context() as patch:
        patch.setattr(Lesson, "say", said)
        patch.setattr(chart, "_plot", plot)
        patch.setattr(numbers, "_table", page.handed_out.__setitem__)
        patch.setattr(definition, "term_link", lambda name: None)
        patch.setattr(st, "expander", unfolded)
        patch.setattr(st, "dataframe", recorded)
        for key, value in (state or {}).items():
            app.session_state[key] = value
        _PART.append(part)
        app.run()
        _PART.pop()
    if _FAILED:
        raise _FAILED.pop()
    return page
