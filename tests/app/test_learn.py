"""The Learn page through `app.py`, lesson by lesson."""

from __future__ import annotations

import json

import pytest

from moe_viz.lessons.texts import lessons
from tests.app.test_pages import clean


def on(app, name):
    app.session_state["lesson"] = name
    app.run().switch_page("pages/learn.py").run()
    clean(app)
    return app


def said(app) -> str:
    return "\n".join(element.value for kind in (app.main.markdown, app.main.caption) for element in kind)


def charts(app) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


@pytest.mark.parametrize("name", list(lessons()))
def test_a_lesson_begins_with_its_question_and_has_something_to_do(app, name):
    on(app, name)
    assert lessons()[name].question in [header.value for header in app.header]
    assert "{" not in said(app)
    assert "nan" not in said(app).split()
    assert len(app.button_group) > 1 or app.slider  # beside the chooser


@pytest.mark.parametrize("name", list(lessons()))
def test_every_answer_of_a_check_is_explained(app, name):
    on(app, name)
    check = lessons()[name].check
    for index, answer in enumerate(check.answers):
        app.radio(key=f"check {name}").set_value(answer).run()
        clean(app)
        shown = app.success if index == check.right else app.info
        assert check.reasons[index] in shown[-1].value
        assert bool(app.success) == (index == check.right)


def test_the_router_lesson_follows_its_controls(app):
    on(app, "router")
    app.button_group(key="router_k").set_value(8).run()
    clean(app)
    assert "The 8 largest are taken" in said(app)
    assert "was not trained for" in said(app)
    app.slider(key="router_bias").set_value(0.0).run()
    assert "too small" in said(app)
    app.slider(key="router_bias").set_value(1.0).run()
    assert "is chosen" in said(app)
