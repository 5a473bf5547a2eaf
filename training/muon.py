"""Muon: momentum whose matrices are made orthogonal before they are applied.

Keller Jordan, "Muon: An optimizer for hidden layers in neural networks" (2024). It is
written here because torch's version takes one matrix per parameter, and experts are stacks of matrices.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


def orthogonalized(matrices: torch.Tensor) -> torch.Tensor:
    """Each matrix of `[matrix, row, column]` with its singular values brought near to 1.

    Newton-Schulz iteration X <- aX + (bA + cA²)X, A = XXᵀ, which leaves singular values
    between 0.7 and 1.2.
    """
    wide = matrices.shape[-2] <= matrices.shape[-1]
    x = matrices if wide else matrices.mT
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp_min(1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x if wide else x.mT


class Muon(torch.optim.Optimizer):
    """Muon over stacks of matrices `[..., row, column]`, with decoupled weight decay.

    A group's `parts` says how many matrices lie one above the other in each of its
    matrices' rows (2 for a gate and an up projection stored as one).
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], rate: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(groups, {"lr": rate, "momentum": momentum, "weight_decay": weight_decay, "parts": 1})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # no closure: nobody evaluates a loss again
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["average"] = torch.zeros_like(parameter)
                average = state["average"].lerp_(parameter.grad, 1 - group["momentum"])
                update = parameter.grad.lerp(average, group["momentum"])  # Nesterov's look ahead
                matrices = update.view(-1, update.shape[-2] // group["parts"], update.shape[-1])
                rows, columns = matrices.shape[-2:]
                direction = orthogonalized(matrices).reshape(parameter.shape)
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(direction, alpha=-group["lr"] * max(1.0, rows / columns) ** 0.5)
