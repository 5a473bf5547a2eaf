"""The experts' forward and backward pass for training: assignments sorted by expert.

The standard loop indexes its weights once per expert, and each index costs a gradient of
the size of all experts. Here the assignments are sorted by expert, so that an expert reads
and writes one contiguous block, and its weights' gradient is written where it belongs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS

SORTED = "sorted"
"""Name of this implementation, for `model.set_experts_implementation`."""


class _SortedExperts(torch.autograd.Function):
    """sum_slot weight * down(silu(gate(x)) * up(x)), as `Qwen3MoeExperts` computes it."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        experts: torch.Tensor,
        weights: torch.Tensor,
        gate_up: torch.Tensor,
        down: torch.Tensor,
    ) -> torch.Tensor:
        assigned = experts.flatten()
        order = assigned.argsort(stable=True)
        place = torch.empty_like(order)
        place[order] = torch.arange(len(order), device=order.device)
        counts = torch.bincount(assigned, minlength=len(gate_up)).tolist()
        inputs = hidden[order // experts.shape[1]]
        projected = inputs.new_empty(len(order), gate_up.shape[1])
        outputs = torch.empty_like(inputs)
        for expert, rows in _blocks(counts):
            gate, up = torch.mm(inputs[rows], gate_up[expert].T, out=projected[rows]).chunk(2, dim=-1)
            torch.mm(functional.silu(gate).mul_(up), down[expert].T, out=outputs[rows])
        by_token = outputs[place].unflatten(0, weights.shape)
        ctx.save_for_backward(inputs, projected, by_token, weights, order, place, gate_up, down)
        ctx.counts = counts
        return torch.bmm(weights[:, None], by_token)[:, 0]

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None, torch.Tensor, torch.Tensor, torch.Tensor]:
        inputs, projected, by_token, weights, order, place, gate_up, down = ctx.saved_tensors
        grad_weights = torch.bmm(by_token, grad[:, :, None])[:, :, 0]
        grad_outputs = grad[order // weights.shape[1]].mul_(weights.flatten()[order, None])
        grad_inputs = torch.empty_like(inputs)
        grad_gate_up, grad_down = torch.zeros_like(gate_up), torch.zeros_like(down)
        for expert, rows in _blocks(ctx.counts):
            gate, up = projected[rows].chunk(2, dim=-1)
            sigmoid = gate.sigmoid()
            silu = gate * sigmoid
            torch.mm(grad_outputs[rows].T, silu * up, out=grad_down[expert])
            grad_product = grad_outputs[rows] @ down[expert]
            slope = (1 - sigmoid).mul_(silu).add_(sigmoid)
            grad_projected = torch.cat([grad_product * up * slope, grad_product * silu], dim=-1)
            torch.mm(grad_projected.T, inputs[rows], out=grad_gate_up[expert])
            torch.mm(grad_projected, gate_up[expert], out=grad_inputs[rows])
        grad_hidden = grad_inputs[place].unflatten(0, weights.shape).sum(dim=1)
        return grad_hidden, None, grad_weights, grad_gate_up, grad_down


def _blocks(counts: Sequence[int]) -> Iterator[tuple[int, slice]]:
    """Each expert that has assignments, and the rows that hold them."""
    start = 0
    for expert, count in enumerate(counts):
        if count:
            yield expert, slice(start, start + count)
        start += count


def _forward(
    module: nn.Module, hidden_states: torch.Tensor, top_k_index: torch.Tensor, top_k_weights: torch.Tensor
) -> torch.Tensor:
    out: torch.Tensor = _SortedExperts.apply(  # type: ignore[no-untyped-call]
        hidden_states, top_k_index, top_k_weights, module.gate_up_proj, module.down_proj
    )
    return out


ALL_EXPERTS_FUNCTIONS.register(SORTED, _forward)
