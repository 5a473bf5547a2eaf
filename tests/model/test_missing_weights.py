"""A model that lacks weights is refused: torch may compute with them all the same."""

from __future__ import annotations

import pytest
import torch
from accelerate import cpu_offload, disk_offload

import moe_viz
from tests.tiny_models import tiny_model, token_ids


@pytest.mark.parametrize("path", ["lm_head", "model.layers.1.mlp.experts", "model.layers.0.self_attn.q_proj"])
def test_a_module_without_values_is_named(path):
    hf_model = tiny_model("mixtral")
    hf_model.get_submodule(path).to("meta")
    with pytest.raises(moe_viz.ModelError, match=rf"^{path}\.\w+ has no values .* load the model again"):
        moe_viz.attach(hf_model)
    assert not any("forward" in vars(module) for module in hf_model.modules())


def test_a_buffer_without_values_is_named():
    hf_model = tiny_model("deepseek_v3")
    gate = hf_model.model.layers[1].mlp.gate
    gate.e_score_correction_bias = gate.e_score_correction_bias.to("meta")
    with pytest.raises(moe_viz.ModelError, match=r"^model\.layers\.1\.mlp\.gate\.e_score_correction_bias has no"):
        moe_viz.attach(hf_model)


@pytest.mark.parametrize("offload", [cpu_offload, disk_offload])
def test_what_is_offloaded_is_filled(offload, tmp_path):
    hf_model = tiny_model("mixtral")
    expected = moe_viz.attach(hf_model).trace(token_ids=token_ids())
    folder = (tmp_path,) if offload is disk_offload else ()
    offload(hf_model, *folder, execution_device=torch.device("cpu"))
    assert hf_model.lm_head.weight.is_meta
    trace = moe_viz.attach(hf_model).trace(token_ids=token_ids())
    assert trace.router_logits.tobytes() == expected.router_logits.tobytes()
    del hf_model.lm_head._hf_hook  # nothing would fill it
    with pytest.raises(moe_viz.ModelError, match=r"^lm_head\.weight has no values"):
        moe_viz.attach(hf_model)
