"""An MoE block's output, worked out anew in float64 from raw weights and a routing. No hook, no
transformers: one token, one expert at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray


def block_output(block: Any, family: str, x: Array, ids: Array, weights: Array) -> Array:
    """`[token dim]`: the sum over each token's experts, weighted, plus the shared experts."""
    out = np.zeros_like(x)
    for token in range(len(x)):
        for expert, weight in zip(ids[token], weights[token], strict=True):
            if expert >= 0:
                out[token] += weight * _expert(block.experts, family, int(expert), x[token])
        out[token] += _shared(block, family, x[token])
    return out


def _expert(experts: Any, family: str, expert: int, x: Array) -> Array:
    if family == "switch_transformers":
        one = experts[f"expert_{expert}"]
        return raw(one.wo.weight) @ np.maximum(raw(one.wi.weight) @ x, 0)
    if family == "gpt_oss":
        gate_up = x @ raw(experts.gate_up_proj[expert]) + raw(experts.gate_up_proj_bias[expert])
        gate, up = np.minimum(gate_up[0::2], 7.0), np.clip(gate_up[1::2], -7.0, 7.0)
        hidden = (up + 1) * gate / (1 + np.exp(-1.702 * gate))
        return hidden @ raw(experts.down_proj[expert]) + raw(experts.down_proj_bias[expert])
    gate, up = np.split(raw(experts.gate_up_proj[expert]) @ x, 2)
    return raw(experts.down_proj[expert]) @ (_silu(gate) * up)


def _shared(block: Any, family: str, x: Array) -> Array:
    if family == "deepseek_v3":
        return _mlp(block.shared_experts, x)
    if family == "qwen2_moe":
        return _mlp(block.shared_expert, x) / (1 + np.exp(-raw(block.shared_expert_gate.weight) @ x))
    return np.zeros_like(x)


def _mlp(mlp: Any, x: Array) -> Array:
    hidden = _silu(raw(mlp.gate_proj.weight) @ x) * (raw(mlp.up_proj.weight) @ x)
    return raw(mlp.down_proj.weight) @ hidden


def _silu(x: Array) -> Array:
    return x / (1 + np.exp(-x))


def raw(tensor: Any) -> Array:
    """A tensor's values in float64."""
    return np.asarray(tensor.detach().double().numpy())
