"""Every page through `app.py`, without a browser: what is asked, what is said, what is kept."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from pathlib import Path

import pytest

from moe_viz.data.training_recording import TrainingRecording
from moe_viz.demo import TRAINING as DEMO
from moe_viz.probes import mixed_texts, probe_texts
from moe_viz.ui.page_registry import PAGES
from moe_viz.ui.routing import prompt
from moe_viz.ui.session import model_in_use as model
from moe_viz.ui.session import state
from tests.app.steps import clean, look_at, on_text, show_routing, shown
from tests.invented import make_trace

ROOT = Path(__file__).parents[2]
OF_A_TEXT = [page.file for page in PAGES if page.of_a_text]
FILES = [page.file for page in PAGES]


def components(app) -> list[str]:
    return [element.proto.component_name for element in app.main if element.type == "bidi_component"]


def test_the_registry_has_every_file_in_pages_and_says_what_it_shows():
    assert sorted(FILES) == sorted(f"pages/{path.name}" for path in (ROOT / "pages").glob("*.py"))
    for page in PAGES:
        assert ast.get_docstring(ast.parse((ROOT / page.file).read_text("utf-8"))) == page.description


def test_no_other_file_of_the_app_names_a_page_by_its_file():
    sources = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "moe_viz").rglob("*.py")]
    naming = {path.name for path in sources if re.search(r"""["']pages/""", path.read_text("utf-8"))}
    assert naming == {"page_registry.py"}


@pytest.mark.parametrize("page", OF_A_TEXT)
def test_before_any_text_each_page_says_so(app, page):
    on_text(app, page)
    assert any("Nothing to show yet" in m.value for m in app.markdown)
    assert not app.error


def test_the_first_page_is_drawn_before_the_import_of_torch_begins(app, monkeypatch):
    order = []
    draw, begin = prompt.nothing_yet, model._engine
    monkeypatch.setattr(model, "_ASKED_FOR", set())
    monkeypatch.setattr(prompt, "nothing_yet", lambda: (order.append("page"), draw()))
    monkeypatch.setattr(model, "_engine", lambda choice: (order.append("engine"), begin(choice))[1])
    app.run()
    clean(app)
    assert order[:2] == ["page", "engine"]


@pytest.mark.parametrize("page", OF_A_TEXT)
def test_an_example_runs_on_each_page(app, page):
    on_text(app, page)
    app.button(key="example Python").click().run()
    clean(app)
    trace = shown(app).trace
    assert trace.text == app.text_area(key="text").value
    assert trace.text == probe_texts()["python"][0]
    assert any(f"{len(trace)} tokens · 6 routers" in c.value for c in app.caption)
    assert any("read at 6 routers" in c.value for c in app.caption)


def test_a_typed_text_is_the_one_that_is_traced(app):
    app.run()
    app.text_area(key="text").input("春眠不觉晓 <b>&amp;")
    show_routing(app).click().run()
    clean(app)
    assert shown(app).trace.text == "春眠不觉晓 <b>&amp;"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the text is empty"),
        ("  \n\t ", "the text is empty"),
        ("a b " * 25_000, "this model reads at most 1,024"),
        ("x" * 300_000, "300,000 characters; at most 262,144"),
    ],
)
def test_bad_input_gets_a_sentence_and_loses_nothing(app, text, sentence):
    app.run()
    app.button(key="example Chess").click().run()
    before = shown(app)
    app.text_area(key="text").input(text)
    show_routing(app).click().run()
    clean(app)
    assert sentence in app.error[0].value.replace("\\", "")
    assert shown(app) is before
    assert app.text_area(key="text").value == text
    app.button(key="example Poetry").click().run()
    assert not app.error
    assert shown(app).trace.text == probe_texts()["poetry"][0]


def test_each_press_of_a_kind_brings_its_next_passage(app):
    app.run()
    seen = []
    for _ in range(len(probe_texts()["chess"]) + 1):
        app.button(key="example Chess").click().run()
        seen.append(shown(app).trace.text)
    clean(app)
    assert seen == [*probe_texts()["chess"], probe_texts()["chess"][0]]


def test_the_texts_of_several_kinds_are_examples(app):
    app.run()
    for title, text in mixed_texts().items():
        app.button(key=f"example {title}").click().run()
        clean(app)
        assert shown(app).trace.text == text


def test_the_text_and_its_trace_survive_a_change_of_page(app):
    app.run()
    app.text_area(key="text").input("kept")
    show_routing(app).click().run()
    app.switch_page("pages/layers.py").run()
    clean(app)
    assert app.text_area(key="text").value == "kept"
    assert shown(app).trace.text == "kept"


@pytest.mark.parametrize(
    "options",
    [
        {"experts": 256, "top_k": 8, "sites": 5, "tokens": 40},
        {"experts": [4, 9], "top_k": [1, 3]},
        {"logits": False},
        {"scoring": None},
        {"dropped": 0.5, "top_k": 1},
        {"tokens": 1, "sites": 1},
    ],
)
@pytest.mark.parametrize("page", OF_A_TEXT)
def test_any_kind_of_trace_can_be_shown(app, page, options):
    look_at(app, make_trace(**options))
    app.run().switch_page(page).run()
    clean(app)
    assert any("opened from a file" in c.value for c in app.caption)


@pytest.mark.parametrize("page", OF_A_TEXT)
def test_what_must_be_known_to_read_the_numbers_is_said_beside_them(app, page):
    trace = make_trace(scoring=None)
    origin = dataclasses.replace(trace.provenance, notes=("scores unknown <b>",))
    look_at(app, dataclasses.replace(trace, provenance=origin))
    app.run().switch_page(page).run()
    clean(app)
    assert any("scores unknown <b>" in c.value.replace("\\", "") for c in app.caption)


def test_a_saved_trace_is_opened_and_a_damaged_one_is_refused(app):
    trace = make_trace()
    app.run()
    app.file_uploader(key=state.TRACE_FILE.key).upload("x.moetrace", trace.to_bytes()).run()
    clean(app)
    assert shown(app).trace == trace
    app.file_uploader(key=state.TRACE_FILE.key).upload("bad.moetrace", trace.to_bytes()[:-20]).run()
    clean(app)
    assert "bad.moetrace: the trace is damaged" in app.error[0].value.replace("\\", "")
    assert shown(app).trace == trace


def on_training(app):
    app.run().switch_page("pages/training.py").run()
    clean(app)
    return app


def charts(app) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def test_training_shows_both_recordings_on_the_same_axes(app):
    left, right, *_ = charts(on_training(app))
    balanced = TrainingRecording.load(DEMO / "balanced.moerecording")
    assert len(left["data"]) == len(right["data"]) == balanced.expert_ids.shape[1]
    assert left["layout"]["yaxis"]["range"] == right["layout"]["yaxis"]["range"]
    assert left["layout"]["xaxis"]["categoryarray"] == [f"{n:,}" for n in balanced.updates]


@pytest.mark.parametrize(
    ("measure", "axis"),
    [
        ("Load", "MaxVio"),
        ("Effective experts", "experts"),
        ("Router saturation", "share of the final experts"),
        ("Loss", "nats per token"),
    ],
)
def test_every_measure_of_training_is_drawn(app, measure, axis):
    on_training(app).button_group(key="measure").set_value(measure).run()
    clean(app)
    drawn = charts(app)[:2]
    assert all(len(trace["y"]) or trace["y"] for chart in drawn for trace in chart["data"])
    assert [chart["layout"]["yaxis"]["title"]["text"] for chart in drawn] == [axis, axis]


def test_the_moment_is_chosen_and_a_run_that_had_stopped_says_so(app):
    on_training(app)
    assert len(charts(app)) == 4
    last = int(TrainingRecording.load(DEMO / "balanced.moerecording").updates[-1])
    app.select_slider(key="after").set_value(last).run()
    clean(app)
    assert len(charts(app)) == 3
    stopped = int(TrainingRecording.load(DEMO / "unbalanced.moerecording").updates[-1])
    assert any(f"stopped after {stopped:,} updates" in c.value for c in app.caption)
