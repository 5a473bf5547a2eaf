"""Counts of real configurations, against published figures and another program."""

from __future__ import annotations

import pytest

from moe_viz import count_parameters
from moe_viz.catalogue import find_model, known_models

# Billions of parameters counted by another program, which walks tensors' names: total, active, active
# without the input embeddings.
COUNTED = {
    "Switch-Base-8": (0.62, 0.22, 0.22),
    "Mixtral 8x7B": (46.70, 12.88, 12.75),
    "Mixtral 8x22B": (140.63, 39.16, 38.96),
    "DBRX": (131.60, 36.47, 35.85),
    "Jamba v0.1": (51.57, 12.11, 11.84),
    "JetMoE-8B": (8.52, 2.33, 2.33),
    "DeepSeek-V2": (235.74, 21.38, 20.85),
    "DeepSeek-V3": (671.03, 37.55, 36.63),
    "Phi-3.5-MoE": (41.87, 6.64, 6.51),
    "OLMoE-1B-7B": (6.92, 1.28, 1.18),
    "Qwen3-30B-A3B": (30.53, 3.35, 3.04),
    "Qwen3-235B-A22B": (235.09, 22.19, 21.57),
    "gpt-oss-20b": (20.91, 4.19, 3.61),
    "gpt-oss-120b": (116.83, 5.71, 5.13),
    "Qwen3-Next-80B-A3B": (79.67, 3.87, 3.56),
    "LongCat-Flash": (560.66, 27.95, 27.15),
}
# Published in too few digits to ask for 2 %: one unit of the last digit.
COARSE = {"Switch-Base-128": {"total": 1}, "Qwen3-Next-80B-A3B": {"active": 1}, "JetMoE-8B": {"active": 0.1}}
OPEN = [model.name for model in known_models() if model.kind == "moe"]


@pytest.fixture(scope="module")
def real():
    return {name: count_parameters(find_model(name).config) for name in OPEN}


@pytest.mark.parametrize("name", OPEN)
def test_a_published_figure_is_met(name, real):
    model, count = find_model(name), real[name]
    coarse = COARSE.get(name, {})
    assert count.total / 1e9 == pytest.approx(model.total, abs=coarse.get("total", 0.02 * model.total))
    if model.active is None:
        return
    within = {"abs": coarse.get("active", 0.02 * model.active)}
    with_table, without = count.active / 1e9, (count.active - count.embeddings) / 1e9
    if model.embeddings_counted is None:
        assert with_table == pytest.approx(model.active, **within)
        assert without == pytest.approx(model.active, **within)
    else:
        meant, other = (with_table, without) if model.embeddings_counted else (without, with_table)
        assert meant == pytest.approx(model.active, **within)
        assert abs(meant - model.active) < abs(other - model.active)


@pytest.mark.parametrize("name", COUNTED)
def test_another_program_counts_the_same(name, real):
    count = real[name]
    figures = [count.total, count.active, count.active_without_embeddings]
    assert [number / 1e9 for number in figures] == pytest.approx(COUNTED[name], abs=0.006)


def test_experts_inside_attention_are_routed_too(real):
    count = real["JetMoE-8B"]
    assert len(count.blocks) == 48
    assert (count.layers, count.dense_layers) == (24, 0)
    assert count.routed == 24 * 8 * (3 * 2048 * 5632 + 2 * 2048 * 2048)


def test_linear_attention_is_attention(real):
    count = real["Qwen3-Next-80B-A3B"]
    assert count.other == (2 * 48 + 1) * 2048  # the norms
