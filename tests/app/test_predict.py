"""The Predict page through `app.py`: questions, answers, score, seeds, a person's text, failures."""

from __future__ import annotations

import pytest

from moe_viz.engine import Engine
from moe_viz.errors import EngineError
from moe_viz.lessons.texts import predict, predict_kind
from moe_viz.quiz.asking import KINDS
from moe_viz.ui.session import state
from tests.app.steps import button, clean, shown

OWN = "The <b>cat</b> saw **the dog**; the dog saw the $cat$, and [the bird](javascript:alert(1)) saw both. " * 4


def on(app, seed: str | None = "7"):
    if seed is not None:
        app.query_params["round"] = seed
    app.run().switch_page("pages/predict.py").run()
    clean(app)
    return app


def the_round(app):
    return app.session_state[state.ROUND.key]


def named_seed(app) -> int:
    """The seed in the address: AppTest gives a list or its only value."""
    return int("".join(app.query_params["round"]))


def choices(app):
    return [b for b in app.button if (b.key or "").startswith("choice")]


def choose(app, index: int) -> None:
    number = the_round(app).number
    app.button(key=f"choice {number} {index}").click().run()
    clean(app)


def go_on(app) -> None:
    app.button(key="next question").click().run()
    clean(app)


def said(app) -> str:
    return "\n".join(element.value for kind in (app.main.markdown, app.main.caption) for element in kind)


def test_every_kind_is_asked_answered_and_explained(app):
    on(app)
    right = 0
    for number in range(len(KINDS)):
        question = the_round(app).asked.question
        assert len(choices(app)) == len(question.choices)
        assert len(app.header) == 1
        wrong = (question.right + 1) % len(question.choices)
        choose(app, wrong if number % 2 else question.right)
        verdicts = app.info if number % 2 else app.success
        assert predict("wrong" if number % 2 else "right") in verdicts[0].value
        assert not choices(app)
        assert predict_kind(question.kind)["why"].replace("'", "’") in said(app).replace("'", "’")
        assert "read at 6 routers" in said(app)
        assert len(app.get("plotly_chart")) == 1
        assert "{" not in said(app)
        right += number % 2 == 0
        go_on(app)
    assert {kind for kind, score in the_round(app).score.items() if score.asked} == set(KINDS)
    assert f"{right} of {len(KINDS)} right" in [block.proto.popover.label for block in app.get("popover")]


def test_a_question_may_be_left_out_and_the_round_begun_again(app):
    on(app)
    first = app.header[0].value
    go_on(app)
    second = app.header[0].value
    choose(app, 0)
    button(app, "Start over").click().run()
    clean(app)
    assert app.header[0].value == first != second
    assert the_round(app).total.asked == 0
    assert named_seed(app) == 7
    button(app, "Other questions").click().run()
    clean(app)
    assert named_seed(app) == the_round(app).seed


def test_the_answer_and_the_score_survive_a_change_of_page(app):
    on(app)
    choose(app, 0)
    before = app.header[0].value
    app.switch_page("pages/learn.py").run()
    del app.query_params["lesson"]
    app.switch_page("pages/predict.py").run()
    clean(app)
    assert app.header[0].value == before
    assert the_round(app).total.asked == 1
    assert not choices(app)


@pytest.mark.parametrize("hostile", ["x", "-1", "9" * 50, "<script>"])
def test_a_link_without_a_seed_falls_back_with_a_sentence(app, hostile):
    on(app, hostile)
    assert "names a seed that is not" in app.main.info[0].value
    assert choices(app)
    assert named_seed(app) == the_round(app).seed


def test_the_same_link_asks_two_people_the_same(app):
    on(app, "11")
    asked = app.header[0].value, [b.label for b in choices(app)]
    app.session_state[state.ROUND.key] = None
    app.run()
    clean(app)
    assert (app.header[0].value, [b.label for b in choices(app)]) == asked


def test_a_persons_text_is_asked_about_and_never_interpreted(app):
    on(app)
    app.button_group(key="predict source").set_value("Your text").run()
    clean(app)
    assert predict("own_none") in said(app)
    app.text_area(key="predict text").input(OWN)
    button(app, "Ask about this text").click().run()
    clean(app)
    assert the_round(app).asked.text == OWN.strip()
    for number in range(len(KINDS)):
        for html in app.get("html"):
            assert "<b>cat" not in html.proto.body
        choose(app, number % 2)
        go_on(app)
    app.button_group(key="predict source").set_value("Examples").run()
    clean(app)
    assert the_round(app).asked.text != OWN.strip()
    assert the_round(app).total.asked == len(KINDS)


def test_a_text_that_leaves_nothing_to_ask_gets_a_sentence(app, monkeypatch):
    monkeypatch.setattr("moe_viz.ui.learn.predict.page.ask", lambda *_: None)
    on(app)
    assert predict("nothing") in app.main.info[0].value
    assert not choices(app)


def test_a_failure_is_said_and_loses_nothing(app, monkeypatch):
    on(app)
    choose(app, 0)

    def fails(*_):
        raise EngineError("the device <b>ran out</b> of memory")

    with monkeypatch.context() as broken:
        broken.setattr(Engine, "submit", fails)
        go_on(app)
        assert "ran out" in app.main.error[0].value
        assert "<b>" not in app.main.error[0].value.replace("\\<", "")
        button(app, predict("try_again")).click().run()
        assert app.main.error
    button(app, predict("try_again")).click().run()
    clean(app)
    assert not app.main.error
    assert the_round(app).number == 1
    assert the_round(app).total.asked == 1
    assert choices(app)


def test_the_text_can_be_seen_on_the_routing_page(app):
    on(app)
    choose(app, 0)
    text = the_round(app).asked.text
    app.button(key="to routing").click().run()
    clean(app)
    assert shown(app).trace.text == text
    assert app.text_area(key="text").value == text
