"""The catalogue of well-known models: whole, and plain about what is not known."""

import re

import pytest

from moe_viz.catalogue import find_model, known_models

MODELS = {model.name: model for model in known_models()}


def test_the_well_known_are_there():
    assert {
        "Switch-Base-8",
        "Mixtral 8x7B",
        "Mixtral 8x22B",
        "DBRX",
        "Jamba v0.1",
        "DeepSeek-V2",
        "DeepSeek-V3",
        "Phi-3.5-MoE",
        "OLMoE-1B-7B",
        "Granite 3.0 3B-A800M",
        "Qwen3-30B-A3B",
        "Qwen3-Next-80B-A3B",
        "gpt-oss-20b",
        "gpt-oss-120b",
        "Llama 3.1 405B",
        "GPT-4",
        "GPT-5",
        "Gemini",
    } <= set(MODELS)
    assert len(MODELS) == len(known_models())


@pytest.mark.parametrize("model", known_models(), ids=lambda model: model.name)
def test_each_says_what_it_is_and_where_its_figures_stand(model):
    assert re.fullmatch(r"20[12]\d-(0[1-9]|1[0-2])", model.released)
    assert model.organisation
    assert model.source
    assert (model.config is not None) == (model.licence is not None) == (model.kind != "closed")
    assert (model.hub_id is None) == (model.kind == "closed")
    assert (model.total is None) == (model.kind == "closed")
    assert model.active is None or model.active <= model.total
    if model.config is not None:
        assert isinstance(model.config["model_type"], str)


def test_of_closed_models_nothing_is_claimed():
    closed = [model for model in known_models() if model.kind == "closed"]
    assert {model.name for model in closed} == {"GPT-4", "GPT-5", "Gemini"}
    assert all(not model.confirmed and model.note and model.active is None for model in closed)


def test_a_dense_model_uses_all_it_has():
    dense = [model for model in known_models() if model.kind == "dense"]
    assert [model.name for model in dense] == ["Llama 3.1 405B"]
    assert all(model.active == model.total for model in dense)


def test_open_mixtures_come_by_date():
    released = [model.released for model in known_models() if model.kind == "moe"]
    assert released == sorted(released)


def test_a_model_is_found_by_name_or_hub_id():
    assert find_model("mixtral 8X7b") is find_model("mistralai/Mixtral-8x7B-v0.1") is MODELS["Mixtral 8x7B"]
    assert find_model("demo") is None
    assert find_model("") is None
