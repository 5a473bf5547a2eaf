"""The Models page through `app.py`: the model in use, another in its place, the catalogue."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

import pytest

import moe_viz
from moe_viz.catalogue import find_model, known_models
from moe_viz.demo import TRAINING as DEMO
from moe_viz.settings import settings
from moe_viz.ui.session import model_in_use as model_ui
from moe_viz.ui.session import state
from moe_viz.ui.session.model_choice import ModelChoice
from tests.app.steps import clean, shown, until


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
    assert "16 experts, 2 per token. softmax → top-2 → divided by their sum" in facts(app)
    assert "layers 0–31 8 experts, 2 per token" in re.sub(r"\s+", " ", facts(app))


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
    assert (row["experts"], row["per token"], row["layers"], row["licence"]) == (32, 4, 24, "Apache-2.0")
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
    assert any("Each row is a router, and a layer has several" in c.value for c in app.caption)
    assert "self_attention.experts layers 0–23 8 experts, 2 per token" in re.sub(r"\s+", " ", facts(app))


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
    assert shown(app).trace.provenance.model == "demo"


def test_another_model_takes_the_place_of_the_one_in_use(app, tmp_path):
    shutil.copytree(DEMO.parent, tmp_path / "copy", ignore=shutil.ignore_patterns("training_recordings"))
    on_models(app).text_input[0].input(str(tmp_path / "copy"))
    next(button for button in app.button if button.label == "Load").click().run()
    until(app, lambda: headings(app)[0] == f"The loaded model: {tmp_path / 'copy'}")
    assert app.session_state[state.LOADING_MODEL.key] is None
    assert not app.error


def test_what_a_model_would_take_is_said_before_it_is_loaded(app):
    on_models(app)
    until(app, lambda: "The loaded model: demo" in headings(app))
    app.text_input[0].input("demo")
    next(box for box in app.selectbox if box.label == "Precision").select("bfloat16")
    next(button for button in app.button if button.label == "How much memory does it need?").click().run()
    said = app.info[0].value.replace("\\", "")
    assert "demo: The weights take 0.0257 GB on cpu" in said
    assert "Each token of a text adds 2.3 kB during generation." in said
    assert headings(app)[0] == "The loaded model: demo"


def test_the_options_of_loading_hold(app, tmp_path):
    shutil.copytree(DEMO.parent, tmp_path / "copy", ignore=shutil.ignore_patterns("training_recordings"))
    on_models(app).text_input[0].input(str(tmp_path / "copy"))
    next(box for box in app.selectbox if box.label == "Precision").select("bfloat16")
    next(button for button in app.button if button.label == "Load").click().run()
    until(app, lambda: headings(app)[0] == f"The loaded model: {tmp_path / 'copy'}")
    app.switch_page("pages/routing.py").run()
    app.button(key="example Python").click().run()
    assert shown(app).trace.provenance.dtype == "bfloat16"


def test_a_server_for_others_loads_only_what_its_owner_names(app, monkeypatch):
    allowed = replace(settings(), models=("owner/model",))
    monkeypatch.setattr(model_ui, "settings", lambda: allowed)
    on_models(app)
    until(app, lambda: "The loaded model: demo" in headings(app))
    assert not [field for field in app.text_input if "hub id" in field.label]
    assert next(box for box in app.selectbox if box.label == "Model").options == ["demo", "owner/model"]
    assert app.button(key="load it").disabled
    assert model_ui.refused("mistralai/Mixtral-8x7B-v0.1").startswith("This server shows demo, owner/model.")


def test_a_model_that_fails_at_the_start_leaves_the_rest_of_the_page(app):
    app.session_state[state.MODEL.key] = ModelChoice("no-such-model")
    on_models(app)
    until(app, lambda: app.error)
    assert any("no-such-model could not be loaded" in m.value.replace("\\", "") for m in app.markdown)
    assert headings(app) == ["Load another model", "Well-known models", "Mixtral 8x7B"]
