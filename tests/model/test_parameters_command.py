"""The command that counts a model, and what cannot be counted."""

from __future__ import annotations

import json
import re

import pytest
from transformers import LlamaConfig

import moe_viz
from moe_viz import count_parameters
from moe_viz.catalogue import find_model
from moe_viz.cli import parameters as parameters_command
from moe_viz.cli.main import main
from moe_viz.model.checkpoints import hub
from moe_viz.model.sizes import parameters
from tests.tiny_models import CONFIGS

PARTS = ("routed", "shared", "routers", "attention", "embeddings", "output_head", "other")


def run(capsys, *arguments) -> str:
    assert main(["parameters", *arguments]) == 0
    return capsys.readouterr().out


def test_the_command_tells_a_models_parts(capsys):
    text = run(capsys, "demo")
    assert "demo (qwen3_moe): 6 routers in 6 layers, 0 dense" in text
    assert "a token chooses 2 of 16 experts" in text
    values = json.loads(run(capsys, "demo", "--json"))
    assert values["total"] == sum(values[part] for part in PARTS)
    assert re.search(rf"total +{values['total']:,} +100.0%", text)
    assert re.search(rf"active per token +{values['active']:,} ", text)
    assert values["bytes"]["bfloat16"] == 2 * values["total"]
    assert re.search(r"float32 +0\.05 GB  room", text)
    assert re.search(r"4-bit, 5\.2% of them +0\.02 GB  room", text)
    plans = values["memory"]
    assert [(plan["dtype"], plan["quantization"]) for plan in plans] == [
        *(("float32", None), ("bfloat16", None), ("bfloat16", "8-bit"), ("bfloat16", "4-bit")),
    ]
    assert plans[0]["weights"] == moe_viz.memory_plan("demo", dtype="float32").weights
    assert len(values["blocks"]) == values["layers"] == 6


def test_the_command_counts_a_well_known_model_without_a_network(capsys, monkeypatch):
    counted = count_parameters(find_model("Mixtral 8x7B").config)
    monkeypatch.setattr(hub, "snapshot_download", None)
    for name in ("Mixtral 8x7B", "mistralai/mixtral-8x7b-v0.1"):
        assert json.loads(run(capsys, name, "--json"))["total"] == counted.total


def test_the_list_puts_published_beside_counted(capsys, monkeypatch):
    few = [find_model(name) for name in ("gpt-oss-20b", "GPT-4", "JetMoE-8B")]
    monkeypatch.setattr(parameters_command, "known_models", lambda: few)
    lines = run(capsys, "--list").splitlines()
    assert lines[3].split()[:8] == ["gpt-oss-20b", "OpenAI", "2025-08", "20.9", "3.6", "20.91", "4.19", "3.61"]
    assert re.match(r"GPT-4 \* +OpenAI +2023-03 +unknown +unknown +closed", lines[4])
    rows = json.loads(run(capsys, "--list", "--json"))
    assert [row["counted"] and row["counted"]["family"] for row in rows] == ["gpt_oss", None, "jetmoe"]
    assert rows[0]["published"]["active"] == 3.6


def refusal(source) -> str:
    with pytest.raises(moe_viz.ModelError) as caught:
        count_parameters(source)
    return str(caught.value)


def test_what_cannot_be_counted_is_said():
    dense = LlamaConfig(vocab_size=50, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    text = refusal(dense)
    assert "llama model has no routed experts that can be counted" in text
    assert "choose a mixture-of-experts model" in text
    assert "expected a hub id, a local folder" in refusal(7)
    assert "expected a model_type that transformers knows" in refusal({"model_type": "of_tomorrow"})
    assert "expected a model_type" in refusal({})
    assert "no qwen3_moe model can be built from its config" in refusal(
        CONFIGS["qwen3_moe"]().to_dict() | {"hidden_act": "none such"}
    )
    assert "there is no model 'nowhere'" in refusal("nowhere")


def test_experts_of_which_nothing_says_how_many_are_used(monkeypatch):
    monkeypatch.setattr(parameters, "family_of", lambda _model_type: None)
    text = refusal(CONFIGS["switch_transformers"]())
    assert "nothing in it or its config says how many a token uses" in text
    assert "needs a record of its own" in text


def test_of_a_hub_model_the_config_alone_is_fetched(monkeypatch, tmp_path):
    CONFIGS["mixtral"]().save_pretrained(tmp_path)
    asked = []

    def download(name, **options):
        asked.append((name, options["allow_patterns"]))
        return str(tmp_path)

    monkeypatch.setattr(hub, "snapshot_download", download)
    assert count_parameters("some/one") == count_parameters(CONFIGS["mixtral"]())
    assert asked == [("some/one", ["config.json"])]


def test_without_a_network_and_a_cached_copy(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert "HF_HUB_OFFLINE is set" in refusal("some/one")
    assert "some/one is not in this machine's cache" in refusal("some/one")
    assert main(["parameters", "some/one"]) == 1
    assert main(["parameters", "GPT-4"]) == 1
    printed = capsys.readouterr()
    assert "GPT-4 has no experts that can be counted" in printed.err
    assert not printed.out
