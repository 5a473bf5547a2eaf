"""The loss of the training: the next-token loss plus a balancing term for each layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn

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
    """Mean next-token loss; its logits `[token, vocabulary]` exist only for one chunk at a time."""

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


class Balance:
    """The balancing term of every layer: E * sum_i f_i p_i (Switch Transformers, equations 4 to 6).

    p_i is expert i's mean router probability in this batch, f_i its share of the assignments,
    remembered over some `1 / (1 - MEMORY)` batches: a batch holds a few texts, and balancing
    within the batch would push their tokens away from the experts that suit them
    ("Demons in the Detail", arXiv 2501.11873). Each layer has its own term: pooled over layers,
    as transformers' own helper does, single layers drift out of balance.
    """

    MEMORY = 0.95

    def __init__(self, layers: int, experts: int, device: torch.device | str = "cpu") -> None:
        self.share = torch.full((layers, experts), 1 / experts, device=device)
        """`[layer, expert]`: f, the remembered share of the assignments; uniform at first."""

    def __call__(self, layers: Sequence[RouterOutput]) -> torch.Tensor:
        """Remember this batch's load; the term of each layer, `[layer]`, 1.0 where f is uniform."""
        experts = self.share.shape[1]
        load = torch.stack([torch.bincount(out.experts.flatten(), minlength=experts) for out in layers])
        self.share = self.share.lerp(load / load.sum(dim=1, keepdim=True), 1 - self.MEMORY)
        mean = torch.stack([out.logits.float().softmax(dim=-1).mean(dim=0) for out in layers])
        return experts * (self.share * mean).sum(dim=1)


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
