"""The Learn page: a choice of lessons, each with a question, something to do, and a check."""

from __future__ import annotations

from importlib import import_module

import streamlit as st

from moe_viz.lessons.recorded import recording as lesson_recordings
from moe_viz.lessons.texts import Lesson, common, lessons
from moe_viz.ui.learn.recordings import recordings
from moe_viz.ui.session import state

STYLE = """
<style>
[data-testid="stMainBlockContainer"] { max-width: 76rem; margin-inline: auto; }
[data-testid="stMainBlockContainer"] :is([data-testid="stMarkdownContainer"] p, label p) { font-size: 1.08rem; }
[data-testid="stMainBlockContainer"] [data-testid="stCaptionContainer"] p { font-size: .95rem; }
[data-testid="stMainBlockContainer"] [data-testid="stMetricValue"] p { font-size: 2rem; }
</style>
"""


def learn() -> None:
    """Draw the chooser and the lesson that is chosen; the address names it."""
    st.html(STYLE)
    every = lessons()
    names = list(every)
    asked = st.query_params.get("lesson", names[0])
    if asked not in every:
        st.info(common("no_lesson"), icon=":material/link_off:")
    state.LESSON.get_or_set(asked if asked in every else names[0])
    name = st.segmented_control(
        common("chooser"),
        names,
        format_func=lambda one: every[one].title,
        key=state.LESSON.key,
        required=True,
        wrap=True,
        label_visibility="collapsed",
    )
    assert name is not None  # one of them is always chosen
    st.query_params["lesson"] = name  # by hand: a bound widget would write the title, which a translation changes
    lesson = every[name]
    st.caption(common("lesson", number=names.index(name) + 1, count=len(names)))
    st.header(lesson.question, anchor=False)
    import_module(f"moe_viz.ui.learn.lessons.{name}").draw(lesson)  # a lesson's figures are imported when it is opened
    if lesson_recordings.cache_info().currsize:
        recordings()  # the lesson read them: they count, and as just seen
    _check(lesson)
    _neighbours(names, names.index(name))


def _check(lesson: Lesson) -> None:
    """One question; each answer is explained, right or wrong."""
    check = lesson.check
    with st.container(border=True):
        st.subheader(common("check"), anchor=False)
        answer = st.radio(check.question, check.answers, index=None, key=f"check {lesson.name}")
        if answer is None:
            return
        chosen = check.answers.index(answer)
        if chosen == check.right:
            verdict = common("right")
            st.success(f"**{verdict}** {check.reasons[chosen]}", icon=":material/check:")
        else:
            verdict = common("wrong")
            st.info(f"**{verdict}** {check.reasons[chosen]}", icon=":material/undo:")


def _neighbours(names: list[str], index: int) -> None:
    """Buttons to the lessons before and after."""

    def go(name: str) -> None:
        state.LESSON.set(name)

    with st.container(horizontal=True):
        for key, other in (("previous", index - 1), ("next", index + 1)):
            if 0 <= other < len(names):
                title = lessons()[names[other]].title
                st.button(common(key, title=title), key=f"{key} lesson", on_click=go, args=(names[other],))
