"""What the model expects next after each token."""

from __future__ import annotations

import torch
from torch import Tensor

from moe_viz.data.trace import NextTokens
from moe_viz.model.running.tokens import TokenTexts

RANKS = 5
_CHUNK_VALUES = 2**26
"""This number of logits is converted to float32 at a time: 256 MB, whatever the vocabulary."""


def next_tokens(logits: Tensor, names: TokenTexts) -> NextTokens:
    """The `RANKS` most probable next tokens, from the language model's `logits [token vocabulary]`."""
    rows = max(1, _CHUNK_VALUES // logits.shape[1])
    values, ids = [], []
    for chunk in logits.split(rows):
        full = chunk.float()
        top = full.topk(min(RANKS, full.shape[1]), dim=-1)
        values.append((top.values - full.logsumexp(dim=-1, keepdim=True)).exp())
        ids.append(top.indices)
    token_ids = torch.cat(ids).to(torch.int32).cpu().numpy()
    texts = tuple(tuple(names[i] for i in row) for row in token_ids.tolist())
    return NextTokens(token_ids, torch.cat(values).cpu().numpy(), texts)
