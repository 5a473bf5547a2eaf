"""An MoE block's output, worked out anew in float64 from raw weights and a routing. No hook, no
forward of transformers for what is routed: one token, one expert at a time. Shared experts are the
model's own module in float64."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

Array = np.ndarray


def block_output(block: Any, family: str, x: Array, ids: Array, weights: Array, scale: float = 1.0) -> Array:
    """`[token dim]`: the sum over each token's experts, weighted and scaled, plus the shared experts."""
    experts = block.experts if hasattr(block, "experts") else block
    return scale * experts_output(experts, family, x, ids, weights) + _beside(block, family, x, scale)


def experts_output(experts: Any, family: str, x: Array, ids: Array, weights: Array) -> Array:
    """`[token dim]`: the sum over each token's experts, weighted."""
    expert = EXPERTS.get(family, _gated)
    out = np.zeros_like(x)
    for token in range(len(x)):
        for chosen, weight in zip(ids[token].tolist(), weights[token].tolist(), strict=True):
            if chosen < 0:
                continue
            if family == "llama4":
                out[token] += expert(experts, chosen, weight * x[token])
            else:
                out[token] += weight * expert(experts, chosen, x[token])
    return out


def raw(tensor: Any) -> Array:
    """A tensor's values in float64."""
    return np.asarray(tensor.detach().double().numpy())


def _beside(block: Any, family: str, x: Array, scale: float) -> Array:
    """`[token dim]`: what the block adds to the routed sum."""
    if family == "jetmoe":
        return np.broadcast_to(raw(block.bias), x.shape)
    if family == "doge":
        hidden = _silu(x @ raw(block.gate_proj.weight).T) * (x @ raw(block.up_proj.weight).T)
        return hidden @ raw(block.down_proj.weight).T
    names = [n for n in ("shared_experts", "shared_expert", "shared_mlp") if getattr(block, n, None) is not None]
    if not names:
        return np.zeros_like(x)
    module = copy.deepcopy(getattr(block, names[0])).double()
    with torch.no_grad():
        out = raw(module(torch.tensor(x)[None])[0])
    if hasattr(block, "shared_expert_gate"):
        out = out / (1 + np.exp(-x @ raw(block.shared_expert_gate.weight).T))
    return out * scale if family == "cohere2_moe" else out


def _silu(x: Array) -> Array:
    return x / (1 + np.exp(-x))


def _gelu(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3)))


def _halves(experts: Any, expert: int, x: Array) -> list[Array]:
    return np.split(raw(experts.gate_up_proj[expert]) @ x, 2)


def _gated(experts: Any, expert: int, x: Array) -> Array:
    gate, up = _halves(experts, expert, x)
    return raw(experts.down_proj[expert]) @ (_silu(gate) * up)


def _gated_by_gelu(experts: Any, expert: int, x: Array) -> Array:
    gate, up = _halves(experts, expert, x)
    return raw(experts.down_proj[expert]) @ (_gelu(gate) * up)


def _clamped(experts: Any, expert: int, x: Array) -> Array:
    gate, up = _halves(experts, expert, x)
    limit = getattr(experts, "swiglu_limit", None) or experts.limit
    return raw(experts.down_proj[expert]) @ (_silu(np.minimum(gate, limit)) * np.clip(up, -limit, limit))


def _clamped_after(experts: Any, expert: int, x: Array) -> Array:
    gate, up = _halves(experts, expert, x)
    limit = experts.limit
    return raw(experts.down_proj[expert]) @ (np.minimum(_silu(gate), limit) * np.clip(up, -limit, limit))


def _one_more(gate: Array, up: Array, limit: float, alpha: float) -> Array:
    gate, up = np.minimum(gate, limit), np.clip(up, -limit, limit)
    return (up + 1) * gate / (1 + np.exp(-alpha * gate))


def _minimax_m3(experts: Any, expert: int, x: Array) -> Array:
    gate, up = _halves(experts, expert, x)
    return raw(experts.down_proj[expert]) @ _one_more(gate, up, experts.swiglu_limit, experts.swiglu_alpha)


def _gpt_oss(experts: Any, expert: int, x: Array) -> Array:
    gate_up = x @ raw(experts.gate_up_proj[expert]) + raw(experts.gate_up_proj_bias[expert])
    hidden = _one_more(gate_up[0::2], gate_up[1::2], 7.0, 1.702)
    return hidden @ raw(experts.down_proj[expert]) + raw(experts.down_proj_bias[expert])


def _privacy_filter(experts: Any, expert: int, x: Array) -> Array:
    gate, up = np.split(x @ raw(experts.gate_up_proj[expert]) + raw(experts.gate_up_proj_bias[expert]), 2)
    hidden = _one_more(gate, up, experts.limit, experts.alpha)
    return hidden @ raw(experts.down_proj[expert]) + raw(experts.down_proj_bias[expert])


def _transposed(experts: Any, expert: int, x: Array) -> Array:
    gate, up = np.split(x @ raw(experts.gate_up_proj[expert]), 2)
    return (_silu(gate) * up) @ raw(experts.down_proj[expert])


def _softcapped(experts: Any, expert: int, x: Array) -> Array:
    gate, up = _halves(experts, expert, x)
    caps = experts.act_fn.gate_softcap.softcap, experts.act_fn.up_softcap.softcap
    hidden = caps[0] * np.tanh(gate / caps[0]) / (1 + np.exp(-gate)) * caps[1] * np.tanh(up / caps[1])
    return raw(experts.down_proj[expert]) @ hidden


def _normed(experts: Any, expert: int, x: Array) -> Array:
    norm = experts.post_expert_norm
    out = _gated(experts, expert, x) * (1 + raw(norm.weight))
    return out / np.sqrt((out**2).mean() + norm.eps)


def _squared(experts: Any, expert: int, x: Array) -> Array:
    return raw(experts.down_proj[expert]) @ np.maximum(raw(experts.up_proj[expert]) @ x, 0) ** 2


def _dbrx(experts: Any, expert: int, x: Array) -> Array:
    rows = slice(expert * experts.ffn_hidden_size, (expert + 1) * experts.ffn_hidden_size)
    w1, v1, w2 = (raw(getattr(experts.mlp, name)[rows]) for name in ("w1", "v1", "w2"))
    return (_silu(w1 @ x) * (v1 @ x)) @ w2


def _or_identity(experts: Any, expert: int, x: Array) -> Array:
    return x if expert >= experts.num_routed_experts else _gated(experts, expert, x)


def _switch(experts: Any, expert: int, x: Array) -> Array:
    one = experts[f"expert_{expert}"]
    return raw(one.wo.weight) @ np.maximum(raw(one.wi.weight) @ x, 0)


def _nllb(experts: Any, expert: int, x: Array) -> Array:
    one = experts[f"expert_{expert}"]
    hidden = np.maximum(raw(one.fc1.weight) @ x + raw(one.fc1.bias), 0)
    return (raw(one.fc2.weight) @ hidden + raw(one.fc2.bias)) * (1 - experts.moe_token_dropout)


def _parallel(block: Any, expert: int, x: Array) -> Array:
    gate, up = np.split(raw(block.input_linear.weight[expert]) @ x, 2)
    return raw(block.output_linear.weight[expert]) @ (_silu(gate) * up)


def _rows(block: Any, expert: int, x: Array) -> Array:
    return _silu(raw(block.down_embed.weight[expert]) @ x) * raw(block.up_embed.weight[expert])


EXPERTS: dict[str, Callable[[Any, int, Array], Array]] = {
    **dict.fromkeys(("gemma4", "diffusion_gemma"), _gated_by_gelu),
    **dict.fromkeys(("deepseek_v4", "glm5_next", "hy_v4"), _clamped),
    **dict.fromkeys(("aria", "llama4"), _transposed),
    "dbrx": _dbrx,
    "doge": _rows,
    "gpt_oss": _gpt_oss,
    "inkling2": _softcapped,
    "jetmoe": _parallel,
    "longcat_flash": _or_identity,
    "minimax_m3_vl": _minimax_m3,
    "muse_spark": _normed,
    "nemotron_h": _squared,
    "nllb_moe": _nllb,
    "openai_privacy_filter": _privacy_filter,
    "step3p7": _clamped_after,
    "switch_transformers": _switch,
}
"""Where a family's experts are not the usual gated ones."""
