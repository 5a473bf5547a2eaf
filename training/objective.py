"""What training minimises: the next token's loss, plus a balancing term for each layer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

CHUNK = 512


class RouterOutput(NamedTuple):
    """One forward pass of one router."""

    logits: torch.Tensor
    """`[token, expert]`"""
    weights: torch.Tensor
    """`[token, slot]`: the gating weights of the chosen experts."""
    experts: torch.Tensor
    """`[token, slot]`: the chosen experts, largest weight first."""


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Mean next-token loss whose logits `[token, vocabulary]` exist for one chunk at a time."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        grad_hidden, grad_weight = torch.empty_like(hidden), torch.zeros_like(weight)
        total = hidden.new_zeros(())
        for start in range(0, len(targets), CHUNK):
            part = slice(start, start + CHUNK)
            logits = hidden[part] @ weight.T
            log_z = logits.logsumexp(dim=-1, keepdim=True)
            total += (log_z[:, 0] - logits.gather(1, targets[part, None])[:, 0]).sum()
            grad = logits.sub_(log_z).exp_()
            grad.scatter_add_(1, targets[part, None], grad.new_full((len(grad), 1), -1.0))
            grad_hidden[part] = grad @ weight
            grad_weight.addmm_(grad.T, hidden[part])
        ctx.save_for_backward(grad_hidden / len(targets), grad_weight / len(targets))
        return total / len(targets)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        grad_hidden, grad_weight = ctx.saved_tensors
        return grad_hidden * grad, grad_weight * grad, None


def next_token_loss(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy in nats: `hidden [token, dim]`, `weight [vocabulary, dim]`, `targets [token]`."""
    loss: torch.Tensor = _ChunkedCrossEntropy.apply(hidden, weight, targets)  # type: ignore[no-untyped-call]
    return loss


def balancing_loss(router_logits: torch.Tensor, top_k: int) -> torch.Tensor:
    """E * sum_i f_i p_i of one layer over the whole batch (Switch Transformers, equations 4 to 6).

    f_i is expert i's share of the assignments, p_i its mean router probability; 1.0 when
    both are uniform. It is taken for each layer by itself: pooled over layers, as
    transformers' own helper does, single layers drift out of balance.
    """
    experts = router_logits.shape[-1]
    probabilities = router_logits.float().softmax(dim=-1)
    chosen = probabilities.topk(top_k, dim=-1).indices
    share = functional.one_hot(chosen, experts).float().mean(dim=(0, 1))
    return experts * (share * probabilities.mean(dim=0)).sum()


@contextmanager
def recorded_routers(model: nn.Module) -> Iterator[list[RouterOutput]]:
    """Collect what each router gives back, with its gradient, in the order in which they run."""
    outputs: list[RouterOutput] = []
    hooks = [
        module.register_forward_hook(lambda _module, _args, out: outputs.append(RouterOutput(*out)))
        for module in model.modules()
        if type(module).__name__ == "Qwen3MoeTopKRouter"
    ]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()
