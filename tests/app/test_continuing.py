"""A text that is continued, results that are evicted, limits and the server's numbers, through `app.py`."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import Future
from dataclasses import replace

import pytest
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from moe_viz.engine import Engine
from moe_viz.engine.meter import Meter
from moe_viz.settings import settings
from moe_viz.ui.page_registry import PAGES
from moe_viz.ui.session.model_choice import ModelChoice
from moe_viz.ui.session.model_in_use import _engine
from moe_viz.ui.widgets.status import server_facts
from tests.app.steps import button, clean, look_at, on_text, show_routing, shown, until
from tests.invented import make_trace

OF_A_TEXT = [page.file for page in PAGES if page.of_a_text]
TEXT = "The river was quiet, and"


def continue_text(app, text: str = TEXT):
    app.text_area(key="text").input(text)
    button(app, "Continue the text").click().run()
    clean(app)
    return app


def until_over(app):
    """Look again until no text is being continued."""
    until(app, lambda: not app.session_state["session"].job)
    return app


def said(app) -> str:
    """Every caption, information and error."""
    return "\n".join(e.value.replace("\\", "") for kind in (app.caption, app.info, app.error) for e in kind)


def progress(app) -> list[str]:
    return [element.proto.text for element in app.get("progress")]


@pytest.fixture
def info(monkeypatch):
    """What the loaded model says of itself; the test says what else."""
    real = _engine(ModelChoice("demo")).info()

    def say(**changes):
        monkeypatch.setattr(Engine, "info", lambda _: replace(real, **changes))

    return say


@pytest.mark.parametrize("page", OF_A_TEXT)
def test_a_text_is_continued_and_shown_as_any_other(app, page):
    on_text(app, page)
    app.slider(key="new tokens").set_value(12)
    until_over(continue_text(app))
    trace = shown(app).trace
    assert int(trace.generated.sum()) == 12
    assert trace.text.startswith(TEXT)
    assert "12 tokens generated" in said(app)
    assert "as many as asked for" in said(app)
    assert f"{len(trace)} tokens · 6 routers" in said(app)
    assert "temperature 0.8, top-p 0.95, seed 0" in said(app)


def test_the_settings_are_those_that_the_model_is_asked_with(app):
    def continuation(temperature: float, seed: int) -> str:
        app.slider(key="temperature").set_value(temperature)
        app.number_input(key="seed").set_value(seed)
        return shown(until_over(continue_text(app))).trace.text

    app.run()
    assert continuation(0.0, 1) == continuation(0.0, 2)
    assert continuation(1.5, 1) != continuation(1.5, 2)
    app.switch_page("pages/layers.py").run()
    assert app.slider(key="temperature").value == 1.5
    assert app.number_input(key="seed").value == 2


@pytest.mark.parametrize("page", OF_A_TEXT)
def test_a_model_that_writes_no_text_says_so(app, info, page):
    info(generates=False)
    on_text(app, page)
    assert button(app, "Continue the text").disabled
    assert "This model gives no next token" in said(app)
    assert not any(slider.key == "new tokens" for slider in app.slider)
    app.text_area(key="text").input(TEXT)
    show_routing(app).click().run()
    assert shown(app).trace.text == TEXT


@pytest.mark.parametrize("chats", [True, False])
def test_a_chat_is_offered_where_the_tokenizer_has_a_template(app, info, chats):
    info(chats=chats)
    app.run()
    assert [toggle.label for toggle in app.main.toggle] == (["As a chat"] if chats else [])


@pytest.mark.parametrize(("text", "sentence"), [("", "the text is empty"), ("a b " * 25_000, "reads at most 1,024")])
def test_what_cannot_be_continued_gets_a_sentence_and_loses_nothing(app, text, sentence):
    app.run()
    app.button(key="example Chess").click().run()
    before = shown(app)
    until_over(continue_text(app, text))
    assert sentence in said(app)
    assert shown(app) is before
    assert app.text_area(key="text").value == text


class Waiting:
    """A continuation that has not had its turn."""

    state, generated, max_new_tokens, error, end, tokens_per_second = "waiting", 0, 50, None, None, None

    def __init__(self):
        self.stopping = threading.Event()

    def trace(self):
        return None

    def stop(self):
        self.stopping.set()
        self.state = "stopped"


@pytest.mark.parametrize("page", OF_A_TEXT)
def test_a_continuation_that_waits_says_so_and_can_be_stopped(app, monkeypatch, page):
    on_text(app, page)
    app.button(key="example Chess").click().run()
    before = shown(app)
    monkeypatch.setattr(Engine, "generate", lambda *_, **__: Waiting())
    continue_text(app)
    assert progress(app) == ["Waiting for a turn; 0 other texts are being continued"]
    assert shown(app) is before
    app.button(key="stop").click().run()
    clean(app)
    assert not progress(app)
    assert "0 tokens generated · stopped" in said(app)
    assert shown(app) is before


def ask_and_hear(app, monkeypatch, request: Future, hear) -> None:
    """Ask for a text whose answer is `request`, behind seven others; `hear` is told what the page says."""
    app.run()
    monkeypatch.setattr(Engine, "submit", lambda *_: request)
    status = Meter().status("ready", 7, 0, 0)
    monkeypatch.setattr(Engine, "status", lambda _: status)
    caption = DeltaGenerator.caption

    def heard(self, text, **options):
        hear(text)
        return caption(self, text, **options)

    monkeypatch.setattr(DeltaGenerator, "caption", heard)
    app.text_area(key="text").input(TEXT)
    show_routing(app).click().run()
    clean(app)


def test_a_text_that_waits_for_its_turn_says_so(app, monkeypatch):
    request: Future = Future()
    heard = []

    def hear(text):
        heard.append(text)
        if "in line" in text:
            request.set_running_or_notify_cancel()
        if request.running() and text == "":
            request.set_result(make_trace())

    ask_and_hear(app, monkeypatch, request, hear)
    assert "Waiting for a turn; 7 texts in line." in heard
    assert shown(app).trace == make_trace()


def test_a_text_that_waits_is_withdrawn_when_its_page_is_left(app, monkeypatch):
    request: Future = Future()
    ask_and_hear(app, monkeypatch, request, lambda text: st.stop() if "in line" in text else None)
    assert request.cancelled()


def test_a_continuation_that_nobody_looks_at_ends_and_says_so(app, monkeypatch):
    monkeypatch.setattr("moe_viz.engine.job.Job.abandoned", lambda job, _: job.generated > 3)
    app.run()
    until_over(continue_text(app))
    assert "stopped, because its page was left" in said(app)
    assert 3 < shown(app).trace.generated.sum() < 50


@pytest.mark.parametrize("page", OF_A_TEXT)
def test_a_result_that_was_let_go_is_measured_again_on_request(app, page):
    on_text(app, page)
    app.text_area(key="text").input(TEXT)
    show_routing(app).click().run()
    measured = shown(app).trace
    app.session_state["session"].evict()
    app.run()
    clean(app)
    assert "no room left" in said(app)
    app.text_area(key="text").input("something else by now")
    button(app, "Measure it again").click().run()
    clean(app)
    assert shown(app).trace.text == measured.text
    assert "no room left" not in said(app)


def test_a_continuation_that_was_let_go_is_made_again_as_it_was(app):
    app.run()
    first = shown(until_over(continue_text(app))).trace
    app.session_state["session"].evict()
    app.run()
    button(app, "Measure it again").click().run()
    until_over(app)
    assert (shown(app).trace.token_ids == first.token_ids).all()
    assert shown(app).trace.generated.sum() == 50


def test_an_opened_trace_that_was_let_go_can_be_opened_again(app):
    look_at(app, make_trace())
    app.session_state["session"].evict()
    app.run()
    clean(app)
    assert "Open its file again" in said(app)
    assert not any(b.label == "Measure it again" for b in app.button)


@pytest.mark.parametrize("page", OF_A_TEXT)
def test_a_page_holds_on_to_nothing_that_was_let_go(app, page, monkeypatch):
    """However long it stays open: else the bound on results would be none."""
    on_text(app, page)
    app.text_area(key="text").input(TEXT)
    show_routing(app).click().run()
    trace = weakref.ref(shown(app).trace)
    monkeypatch.setattr("moe_viz.ui.session.memory_budget.MEMORY_BUDGET._most_bytes", lambda: 0)
    look_at(other := type(app).from_file(app._script_path, default_timeout=60), make_trace())
    other.run()
    gc.collect()
    assert shown(app) is None
    assert trace() is None


def test_the_limits_that_hold_are_said(app):
    limits = settings()
    _engine(ModelChoice("demo")).info()
    app.run()
    text = said(app)
    for number in (limits.max_tokens, limits.max_new_tokens, limits.session_requests, limits.generations):
        assert f"{number:,}" in text
    assert "Context of this model: 1,024 tokens" in text


def test_the_servers_numbers_are_asked_for_only_while_they_are_shown(app, monkeypatch):
    asked = []
    monkeypatch.setattr(Engine, "status", lambda _: asked.append(1) or Meter().status("ready", 3, 2, 1))
    app.run()
    assert not asked
    app.session_state["server"] = True
    app.run()
    clean(app)
    assert asked
    assert any("2, 1 waiting" in element.proto.body for element in app.get("html"))


def test_the_servers_numbers_are_those_of_the_engine():
    meter = Meter()
    for milliseconds in range(1, 101):
        meter.answered(milliseconds / 1000)
    for texts in (1, 2, 9):
        meter.passed(texts, 10, 0.1)
    meter.counted("refused")
    meter.asked("somebody")
    facts = server_facts(replace(meter.status("ready", 4, 2, 1), uptime_seconds=3725.0, memory_bytes=1_230_000_000))
    assert facts["time to answer"] == "50 ms (median), 95 ms (95th percentile)"
    assert facts["texts per pass"] == "2 (median)"
    assert (facts["answered"], facts["refused"], facts["failed"]) == ("100", "1", "0")
    assert (facts["texts waiting"], facts["being continued"]) == ("4", "2, 1 waiting")
    assert (facts["up"], facts["memory"]) == ("1 h 2 min", "1.23 GB, the whole process")
    assert server_facts(Meter().status("ready", 0, 0, 0))["time to answer"] == "none yet"
