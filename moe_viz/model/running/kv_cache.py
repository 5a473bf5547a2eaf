"""A KV cache of several token streams, batched: each stream has its own length."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer


class BatchedKVCache:
    """The keys and values of one or several token streams, whose last tokens stand in one column.

    Shorter streams begin with pads, which are masked.
    """

    def __init__(self, cache: Any, length: int) -> None:
        """Begin with one stream of `length` tokens, from the `cache` that the model returned."""
        self.cache = cache
        self._lengths = [length]

    @property
    def can_be_batched(self) -> bool:
        """Whether the cache holds the keys and values of every token, and nothing else.

        Sliding windows, recurrent states and indexers hold more, or less.
        """
        return type(self.cache) is DynamicCache and all(
            type(layer) is DynamicLayer and layer.is_initialized for layer in self.cache.layers
        )

    def append(self, other: BatchedKVCache) -> None:
        """Add the streams of `other` to the batch; `other` must not be used again."""
        width = max(self._lengths + other._lengths)
        for mine, theirs in zip(self.cache.layers, other.cache.layers, strict=True):
            mine.keys = torch.cat([_widened(mine.keys, width), _widened(theirs.keys, width)])
            mine.values = torch.cat([_widened(mine.values, width), _widened(theirs.values, width)])
        self._lengths += other._lengths

    def keep(self, rows: list[int]) -> None:
        """Keep these streams alone, and the columns that they fill."""
        self._lengths = [self._lengths[row] for row in rows]
        width = max(self._lengths)
        for layer in self.cache.layers:
            layer.keys = layer.keys[rows, :, -width:]
            layer.values = layer.values[rows, :, -width:]

    def advance(self, device: torch.device) -> dict[str, Tensor]:
        """Count one more token in every stream. Returns what its pass must be given, where streams differ in length.

        That is the mask `[stream token]` and the positions `[stream 1]`.
        """
        lengths = torch.tensor(self._lengths, device=device)[:, None]
        self._lengths = [length + 1 for length in self._lengths]
        width = max(self._lengths)
        if min(self._lengths) == width:
            return {}
        columns = torch.arange(width, device=device)
        return {"attention_mask": (columns >= width - 1 - lengths).long(), "position_ids": lengths}


def _widened(states: Tensor, width: int) -> Tensor:
    """`[stream head token dim]` with zeros before the first token, up to `width` tokens."""
    return torch.nn.functional.pad(states, (0, 0, width - states.shape[2], 0))
