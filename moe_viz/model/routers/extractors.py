"""How a router's choices are extracted: from the arguments of its experts, or from its own output.

Most families call their experts with (hidden states, chosen experts, weights). The extractors for
the others are here too, each under the name that `Family.extractor` holds. All return the chosen
experts' ids and their gating weights, `[token slot]` each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from moe_viz.data.arrays import NO_EXPERT
from moe_viz.model.routers.readings import Reading

_TopK = Callable[[], int]
Choices = Callable[[Reading, Any, Any, _TopK], tuple[Tensor, Tensor] | None]
"""From what was read of this router so far, a call's arguments and output, and what reads top_k. None: unreadable."""


@dataclass(frozen=True)
class Extractor:
    """Where and how one kind of router is read."""

    choices: Choices
    at_router: bool = False
    """Choices are read from the router's output, not from the experts' arguments."""
    logits: Callable[[Tensor], Tensor] | None = None
    """Makes logits `[token expert]` of the router's output, where that is anything else."""


def _arguments(_reading: Reading, args: Any, _output: Any, _k: _TopK) -> tuple[Tensor, Tensor] | None:
    return (args[1], args[2]) if len(args) > 2 else None  # a family that passes them by name fails the check


def _one_hot(_reading: Reading, args: Any, _output: Any, _k: _TopK) -> tuple[Tensor, Tensor]:
    """Ids are `[token 1 expert]` one-hot rows; an empty row is a dropped token."""
    _hidden, rows, weights = args
    ids = torch.where(rows.any(dim=-1), rows.argmax(dim=-1), NO_EXPERT)
    return ids, torch.where(ids == NO_EXPERT, 0, weights)


def _skip(_reading: Reading, args: Any, _output: Any, _k: _TopK) -> tuple[Tensor, Tensor]:
    """A token that chose to skip the experts goes to expert 0 with weight 0."""
    _hidden, ids, weights = args
    return torch.where(weights == 0, NO_EXPERT, ids), weights


def _mask(_reading: Reading, args: Any, _output: Any, _k: _TopK) -> tuple[Tensor, Tensor]:
    """The experts receive the 0/1 mask `[token expert]` of the first choice, and read it as ids: a one
    calls expert 1 and each zero calls expert 0, with the gate at the same place.
    """
    _hidden, mask, gates = args
    weights = torch.stack([(gates * (mask == expert)).sum(dim=-1) for expert in (0, 1)], dim=-1)
    ids = torch.arange(2, device=mask.device).expand(len(mask), 2)
    return torch.where(weights == 0, NO_EXPERT, ids), weights


def _dense(_reading: Reading, _args: Any, output: Any, k: _TopK) -> tuple[Tensor, Tensor]:
    """Every expert computes every token, with its input multiplied by a score `[token expert]`, 0 if not chosen."""
    weights, ids = output[0].topk(k(), dim=-1)
    return torch.where(weights == 0, NO_EXPERT, ids), weights


def _sorted(_reading: Reading, _args: Any, output: Any, _k: _TopK) -> tuple[Tensor, Tensor]:
    """The router returns the slots sorted by expert: their places, tokens and gates, and the count of each expert."""
    places, _tokens, gates, counts, logits = output
    by_expert = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts)).to(places.device)
    ids, weights = torch.empty_like(places), torch.empty_like(gates)
    ids[places], weights[places] = by_expert, gates
    return ids.view(len(logits), -1), weights.view(len(logits), -1)


def _product_logits(output: Tensor) -> Tensor:
    """Expert (i, j) has the sum of the logits of keys i and j. The halves are split as the model splits them."""
    first, second = output.reshape(2, output.shape[0] * output.shape[1], -1)
    return (first[:, :, None] + second[:, None, :]).flatten(1)


def _product_keys(reading: Reading, args: Any, _output: Any, _k: _TopK) -> tuple[Tensor, Tensor]:
    """Ids are read where the table of experts is looked up. The weights go through no module, so they
    are computed as the model computes them: a softmax over the chosen experts' logits.
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
