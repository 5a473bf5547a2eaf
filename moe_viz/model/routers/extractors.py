"""How a router's choices are read, from what its experts are called with or from what it hands on.

Most families call their experts with (hidden states, ids, weights); the others are here too,
each under the name that `Family.reader` gives it. All return ids and weights `[token slot]`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from moe_viz.data.trace import NO_EXPERT
from moe_viz.model.routers.readings import Reading

Choices = Callable[[Reading, Any, Any, int], tuple[Tensor, Tensor] | None]
"""From what was read before, a call's arguments, its output, and top_k; None: it cannot be read."""


@dataclass(frozen=True)
class Extractor:
    """Where and how choices and logits are read."""

    choices: Choices
    at_router: bool = False
    """Choices are read where the router hands them on, not where the experts take them."""
    logits: Callable[[Tensor], Tensor] | None = None
    """What makes `[token expert]` of the router's output."""


def _arguments(_reading: Reading, args: Any, _output: Any, _k: int) -> tuple[Tensor, Tensor] | None:
    return (args[1], args[2]) if len(args) > 2 else None  # a family that passes them by name fails the check


def _one_hot(_reading: Reading, args: Any, _output: Any, _k: int) -> tuple[Tensor, Tensor]:
    """Ids are `[token 1 expert]` one-hot rows; an empty row is a dropped token."""
    _hidden, rows, weights = args
    ids = torch.where(rows.any(dim=-1), rows.argmax(dim=-1), NO_EXPERT)
    return ids, torch.where(ids == NO_EXPERT, 0, weights)


def _skip(_reading: Reading, args: Any, _output: Any, _k: int) -> tuple[Tensor, Tensor]:
    """A token that chose to skip the experts is handed to expert 0 with weight 0."""
    _hidden, ids, weights = args
    return torch.where(weights == 0, NO_EXPERT, ids), weights


def _mask(_reading: Reading, args: Any, _output: Any, _k: int) -> tuple[Tensor, Tensor]:
    """The experts take the 0/1 `[token expert]` mask of the first choice for ids: a one calls
    expert 1 and each zero expert 0, with the gate that stands at its place.
    """
    _hidden, mask, gates = args
    weights = torch.stack([(gates * (mask == expert)).sum(dim=-1) for expert in (0, 1)], dim=-1)
    ids = torch.arange(2, device=mask.device).expand(len(mask), 2)
    return torch.where(weights == 0, NO_EXPERT, ids), weights


def _dense(_reading: Reading, _args: Any, output: Any, k: int) -> tuple[Tensor, Tensor]:
    """Every expert computes every token, its input times a score `[token expert]` that is 0 if not chosen."""
    weights, ids = output[0].topk(k, dim=-1)
    return torch.where(weights == 0, NO_EXPERT, ids), weights


def _sorted(_reading: Reading, _args: Any, output: Any, _k: int) -> tuple[Tensor, Tensor]:
    """Slots sorted by expert: their places, their tokens, their gates, and each expert's count."""
    places, _tokens, gates, counts, logits = output
    by_expert = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts)).to(places.device)
    ids, weights = torch.empty_like(places), torch.empty_like(gates)
    ids[places], weights[places] = by_expert, gates
    return ids.view(len(logits), -1), weights.view(len(logits), -1)


def _product_logits(output: Tensor) -> Tensor:
    """Expert (i, j) has the sum of key i's and key j's logit; the halves are cut as the model cuts them."""
    first, second = output.reshape(2, output.shape[0] * output.shape[1], -1)
    return (first[:, :, None] + second[:, None, :]).flatten(1)


def _product_keys(reading: Reading, args: Any, _output: Any, _k: int) -> tuple[Tensor, Tensor]:
    """Ids are looked up in the table of experts; the weights go through no module, so they are
    worked out as the model does: a softmax over the chosen experts' logits.
    """
    ids = args[0]
    return ids, torch.softmax(reading.logits[-1].gather(-1, ids), dim=-1)


EXTRACTORS: dict[str, Extractor] = {
    "arguments": Extractor(_arguments),
    "one-hot": Extractor(_one_hot),
    "skip": Extractor(_skip),
    "mask": Extractor(_mask),
    "dense": Extractor(_dense, at_router=True),
    "sorted": Extractor(_sorted, at_router=True),
    "product keys": Extractor(_product_keys, logits=_product_logits),
}
