"""Reading texts with a model: the loss of every token, and what each router chose for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import Qwen3MoeForCausalLM

from training.objective import recorded_routers

BATCH_TOKENS = 4096

Ids = NDArray[np.uint8]


class Reading(NamedTuple):
    """One text as the model read it."""

    losses: NDArray[np.float32]
    """`[token]`, nats; NaN for a first token with no token before it."""
    experts: Ids
    """`[site token slot]`, largest gating weight first."""
    weights: NDArray[np.float32]
    """`[site token slot]`: the gating weights."""

    def counts(self, experts: int) -> NDArray[np.float64]:
        """How many tokens each expert took, `[site expert]`."""
        return (self.experts[..., None] == np.arange(experts)).sum(axis=(1, 2)).astype(np.float64)


@torch.no_grad()
def read(model: Qwen3MoeForCausalLM, texts: Sequence[Sequence[int]], first: int | None = None) -> list[Reading]:
    """Run each text of token ids by itself; `first` is a token to put before each, which is not reported.

    Texts of similar length share a batch, with padding at the end, which a causal model does not see.
    """
    model.eval()
    before = [] if first is None else [first]
    found: dict[int, Reading] = {}
    for batch in _batches([len(text) for text in texts]):
        rows = [torch.tensor([*before, *texts[i]], device=model.device) for i in batch]
        inputs = pad_sequence(rows, batch_first=True)
        with recorded_routers(model) as routers:
            hidden = model.model(input_ids=inputs, use_cache=False).last_hidden_state
        experts = torch.stack([router.experts.unflatten(0, inputs.shape) for router in routers])
        weights = torch.stack([router.weights.unflatten(0, inputs.shape) for router in routers])
        for row, index in enumerate(batch):
            length = len(rows[row])
            logits = hidden[row, : length - 1] @ model.lm_head.weight.T
            losses = functional.cross_entropy(logits, inputs[row, 1:length], reduction="none").cpu().numpy()
            own = slice(len(before), length)
            found[index] = Reading(
                losses=losses if before else np.concatenate([np.full(1, np.nan, np.float32), losses]),
                experts=experts[:, row, own].cpu().numpy().astype(np.uint8),
                weights=weights[:, row, own].float().cpu().numpy(),
            )
    return [found[index] for index in range(len(texts))]


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Indices of texts, longest first, in batches of at most `BATCH_TOKENS`, padding included."""
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= BATCH_TOKENS:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
