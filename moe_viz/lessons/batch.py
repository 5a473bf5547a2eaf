"""How many experts a batch of tokens uses together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from moe_viz.lessons.sizes import Sizes

SIZES = (1, 2, 8, 64, 512)
"""Tokens in a batch."""


def experts_used(expert_ids: NDArray[np.integer], experts: int, sizes: Sequence[int] = SIZES) -> NDArray[np.float64]:
    """Distinct experts per layer that a batch of each size uses, mean over layers, `[size]`.

    `expert_ids` `[site token slot]` are real choices. The mean is exact, over all batches that can be drawn
    from the tokens: an expert that took c of N tokens is missed by C(N−c, n) / C(N, n) of them.
    NaN for a batch with more tokens than there are.
    """
    sites, tokens, _ = expert_ids.shape
    counts = np.stack([np.bincount(site.ravel(), minlength=experts) for site in expert_ids])
    return np.array([np.nan if n > tokens else (1 - _missed(tokens, counts, n)).sum() / sites for n in sizes])


def _missed(tokens: int, counts: NDArray[np.integer], n: int) -> NDArray[np.float64]:
    """Share of the batches of `n` tokens that have none of an expert's tokens, `[site expert]`."""
    others = tokens - counts
    enough = others >= n
    left = np.where(enough, others, n)
    factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, tokens + 1)))])  # as logarithms
    logs = factorial[left] - factorial[left - n] - factorial[tokens] + factorial[tokens - n]
    return np.where(enough, np.exp(logs), 0.0)


def experts_used_if_uniform(experts: int, top_k: int, tokens: int) -> float:
    """The same if every token chose evenly and independently: E (1 − (1 − k/E)ⁿ)."""
    return experts * (1 - (1 - top_k / experts) ** tokens)


def weights_read(sizes: Sizes, tokens: int) -> float:
    """Weights that a batch of `tokens` has to read once, with an even routing."""
    choices = sizes.experts + sizes.zero_experts
    share = experts_used_if_uniform(choices, sizes.top_k, tokens) / choices
    return sizes.fixed + sizes.routers + sizes.routed * share
