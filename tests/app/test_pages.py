"""Every page through `app.py`, without a browser: what is asked, what is said, what is kept."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import time
from pathlib import Path

import pytest

import moe_viz
from moe_viz.catalogue import find_model, known_models
from moe_viz.probes import mixed_texts, probe_texts
from moe_viz.timelapse import DEMO, TimeLapse
from moe_viz.trace_file import write
from moe_viz.ui.shown import Shown
from tests.invented import make_trace

ROOT = Path(__file__).parents[2]
OF_A_TEXT = ["pages/routing.py", "pages/layers.py"]
PAGES = [*OF_A_TEXT, "pages/learn.py", "pages/training.py", "pages/models.py"]


def clean(app) -> None:
    assert not app.exception, [e.message for e in app.exception]


def show_routing(app):
    return next(button for button in app.button if button.label == "Show routing")


def components(app) -> list[str]:
    return [element.proto.component_name for element in app.main if element.type == "bidi_component"]


def test_every_file_in_pages_is_tested_here():
    assert sorted(PAGES) == sorted(f"pages/{path.name}" for path in (ROOT / "pages").glob("*.py"))


@pytest.mark.parametrize("page", OF_A_TEXT)
def test_before_any_text_each_page_says_so(app, page):
    app.run().switch_page(page).run()
    clean(app)
    assert any("Nothing to show yet" in m.value for m in app.markdown)
    assert not app.error


@pytest.mark.parametrize("page", OF_A_TEXT)
def test_an_example_runs_on_each_page(app, page):
    app.run().switch_page(page).run()
    app.button(key="example Python").click().run()
    clean(app)
    trace = app.session_state["shown"].trace
    assert trace.text == app.text_area(key="text").value
    assert trace.text == probe_texts()["python"][0]
    assert any(f"{len(trace)} tokens · 6 routers" in c.value for c in app.caption)
    assert any("read at 6 of 6 routers" in c.value for c in app.caption)


def test_a_typed_text_is_the_one_that_is_traced(app):
    app.run()
    app.text_area(key="text").input("春眠不觉晓 <b>&amp;")
    show_routing(app).click().run()
    clean(app)
    assert app.session_state["shown"].trace.text == "春眠不觉晓 <b>&amp;"


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
    before = app.session_state["shown"]
    app.text_area(key="text").input(text)
    show_routing(app).click().run()
    clean(app)
    assert sentence in app.error[0].value.replace("\\", "")
    assert app.session_state["shown"] is before
    assert app.text_area(key="text").value == text
    app.button(key="example Poetry").click().run()
    assert not app.error
    assert app.session_state["shown"].trace.text == probe_texts()["poetry"][0]


def test_each_press_of_a_kind_brings_its_next_passage(app):
    app.run()
    seen = []
    for _ in range(len(probe_texts()["chess"]) + 1):
        app.button(key="example Chess").click().run()
        seen.append(app.session_state["shown"].trace.text)
    clean(app)
    assert seen == [*probe_texts()["chess"], probe_texts()["chess"][0]]


def test_the_texts_of_several_kinds_are_examples(app):
    app.run()
    for title, text in mixed_texts().items():
        app.button(key=f"example {title}").click().run()
        clean(app)
        assert app.session_state["shown"].trace.text == text


def test_the_text_and_its_trace_survive_a_change_of_page(app):
    app.run()
    app.text_area(key="text").input("kept")
    show_routing(app).click().run()
    app.switch_page("pages/layers.py").run()
    clean(app)
    assert app.text_area(key="text").value == "kept"
    assert app.session_state["shown"].trace.text == "kept"


@pytest.mark.parametrize("name", ["no-such-model", "../..", "[x](javascript:1) :red[y] $z$"])
def test_a_model_that_cannot_be_loaded_is_named_and_the_one_before_stays(app, name):
    on_models(app).text_input[0].input(name)
    next(button for button in app.button if button.label == "Load").click().run()
    until(app, lambda: app.error)
    assert name in app.error[0].value.replace("\\", "")
    assert any("demo is still in use" in c.value for c in app.caption)
    app.switch_page("pages/routing.py").run()
    app.button(key="example Python").click().run()
    assert not app.error
    assert app.session_state["shown"].trace.provenance.model == "demo"


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
    app.session_state["shown"] = Shown(make_trace(**options), "opened", None)
    app.run().switch_page(page).run()
    clean(app)
    assert any("opened from a file" in c.value for c in app.caption)


@pytest.mark.parametrize("page", OF_A_TEXT)
def test_what_must_be_known_to_read_the_numbers_is_said_beside_them(app, page):
    trace = make_trace(scoring=None)
    origin = dataclasses.replace(trace.provenance, notes=("scores unknown <b>",))
    app.session_state["shown"] = Shown(dataclasses.replace(trace, provenance=origin), "opened", None)
    app.run().switch_page(page).run()
    clean(app)
    assert any("scores unknown <b>" in c.value.replace("\\", "") for c in app.caption)


def test_a_saved_trace_is_opened_and_a_damaged_one_is_refused(app):
    trace = make_trace()
    app.run()
    app.file_uploader(key="opened").upload("x.moetrace", write(trace)).run()
    clean(app)
    assert app.session_state["shown"].trace == trace
    app.file_uploader(key="opened").upload("bad.moetrace", write(trace)[:-20]).run()
    clean(app)
    assert "bad.moetrace: the trace is damaged" in app.error[0].value.replace("\\", "")
    assert app.session_state["shown"].trace == trace


def until(app, holds) -> None:
    """Run the page again and again, as its own polling does, until something holds."""
    for _ in range(240):
        clean(app)
        if holds():
            return
        time.sleep(0.25)
        app.run()
    raise AssertionError("it never came to hold")


def on_models(app):
    app.run().switch_page("pages/models.py").run()
    until(app, lambda: any("Click a point" in c.value for c in app.caption))
    return app


def headings(app) -> list[str]:
    return [m.value.removeprefix("##### ").replace("\\", "") for m in app.markdown if m.value.startswith("#####")]


def facts(app) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", element.body) for element in app.get("html"))


def test_the_models_page_shows_the_model_in_use_and_the_first_of_the_catalogue(app):
    on_models(app)
    until(app, lambda: "The loaded model: demo" in headings(app))
    assert headings(app) == ["The loaded model: demo", "Load another model", "Well-known models", "Mixtral 8x7B"]
    count = moe_viz.count_parameters("demo")
    first, share = app.metric[0], app.metric[2]
    assert (first.label, first.value) == ("Weights", f"{count.total / 1e6:.3g} M")
    assert share.value == f"{count.active / count.total:.1%}"
    assert "16 experts, 2 a token. softmax → top-2 → divided by their sum" in facts(app)
    assert "layers 0–31 8 experts, 2 a token" in re.sub(r"\s+", " ", facts(app))


def test_what_is_published_stands_beside_what_is_counted(app):
    table = on_models(app).dataframe[0].value.set_index("model")
    assert list(table.index) == [model.name for model in known_models()]
    row = table.loc["gpt-oss-20b"]
    assert (row["active, published"], round(row["active, counted"], 2), round(row["w/o embeddings"], 2)) == (
        3.6,
        4.19,
        3.61,
    )
    assert abs(row["difference"]) < 0.5
    assert row["active is published"] == "without input embeddings"
    assert (row["experts"], row["a token"], row["layers"], row["licence"]) == (32, 4, 24, "Apache-2.0")
    assert table.loc["GPT-4"][["total, published", "total, counted", "experts"]].isna().all()


@pytest.mark.parametrize("look", [model.name for model in known_models()])
def test_every_model_of_the_catalogue_can_be_looked_at(app, look):
    on_models(app).selectbox(key="look").set_value(look).run()
    clean(app)
    kind = find_model(look).kind
    assert (look in headings(app)) == (kind != "closed")
    assert any(button.label == "Load it" for button in app.button) == (kind == "moe")
    assert any("is closed:" in m.value for m in app.markdown) == (kind == "closed")


def test_a_layer_with_two_routers_is_told_as_such(app):
    on_models(app).selectbox(key="look").set_value("JetMoE-8B").run()
    clean(app)
    assert any("Each row is a router, of which a layer has several" in c.value for c in app.caption)
    assert "self_attention.experts layers 0–23 8 experts, 2 a token" in re.sub(r"\s+", " ", facts(app))


@pytest.mark.parametrize(("beside", "heading"), [("the loaded model", "The loaded model: demo"), ("DBRX", "DBRX")])
def test_two_models_stand_beside_each_other(app, beside, heading):
    on_models(app).selectbox(key="beside").set_value(beside).run()
    until(app, lambda: len(headings(app)) == 5)
    assert headings(app)[-2:] == ["Mixtral 8x7B", heading]


def test_load_it_asks_for_the_models_hub_id_and_says_its_memory(app, monkeypatch):
    def refuse(name, **_options):
        raise moe_viz.ModelError(f"{name} is not to be had today")

    on_models(app)
    until(app, lambda: "The loaded model: demo" in headings(app))
    assert any("93.4 GB in bfloat16, 187 GB in float32" in c.value for c in app.caption)
    monkeypatch.setattr(moe_viz, "load", refuse, raising=False)
    app.button(key="load it").click().run()
    until(app, lambda: app.error)
    assert "mistralai/Mixtral-8x7B-v0.1 is not to be had today" in app.error[0].value.replace("\\", "")
    assert headings(app)[0] == "The loaded model: demo"


def test_another_model_takes_the_place_of_the_one_in_use(app, tmp_path):
    shutil.copytree(DEMO.parent, tmp_path / "copy", ignore=shutil.ignore_patterns("timelapse"))
    on_models(app).text_input[0].input(str(tmp_path / "copy"))
    next(button for button in app.button if button.label == "Load").click().run()
    until(app, lambda: headings(app)[0] == f"The loaded model: {tmp_path / 'copy'}")
    assert app.session_state["coming"] is None
    assert not app.error


def test_a_model_that_fails_at_the_start_leaves_the_rest_of_the_page(app):
    app.session_state["model"] = "no-such-model"
    on_models(app)
    until(app, lambda: app.error)
    assert any("no-such-model could not be loaded" in m.value.replace("\\", "") for m in app.markdown)
    assert headings(app) == ["Load another model", "Well-known models", "Mixtral 8x7B"]


def on_training(app):
    app.run().switch_page("pages/training.py").run()
    clean(app)
    return app


def charts(app) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def test_training_shows_both_recordings_on_the_same_axes(app):
    left, right, *_ = charts(on_training(app))
    balanced = TimeLapse.load(DEMO / "balanced.npz")
    assert len(left["data"]) == len(right["data"]) == balanced.expert_ids.shape[1]
    assert left["layout"]["yaxis"]["range"] == right["layout"]["yaxis"]["range"]
    assert left["layout"]["xaxis"]["categoryarray"] == [f"{n:,}" for n in balanced.updates]


@pytest.mark.parametrize(
    ("measure", "axis"),
    [
        ("Load", "MaxVio"),
        ("Effective experts", "experts"),
        ("Router saturation", "share of the final experts"),
        ("Loss", "nats a token"),
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
    last = int(TimeLapse.load(DEMO / "balanced.npz").updates[-1])
    app.select_slider(key="after").set_value(last).run()
    clean(app)
    assert len(charts(app)) == 3
    stopped = int(TimeLapse.load(DEMO / "unbalanced.npz").updates[-1])
    assert any(f"stopped after {stopped:,} updates" in c.value for c in app.caption)
