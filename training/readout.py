"""Do the last chosen experts tell the kind of text? A linear probe on mixed texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from transformers import Qwen3MoeForCausalLM

from training.reading import Ids, read

LAST = 8
SHORTEST, LONGEST = 40, 80
TEXTS = 120
PENALTY = 1e-4


class Readout(NamedTuple):
    """How often the probe names the right kind."""

    right: float
    """Share of all positions that have a full window of `LAST` tokens."""
    right_after_change: float
    """Share of the positions `LAST` to 2 × `LAST` tokens after a change of kind."""
    positions: int


def measure_readout(
    model: Qwen3MoeForCausalLM,
    known: Mapping[str, Sequence[Sequence[int]]],
    new: Mapping[str, Sequence[Sequence[int]]],
    joint: Sequence[int],
    length: int,
) -> Readout:
    """Fit the probe on texts mixed from the documents `known` and test it on texts mixed from `new`.

    Documents are token ids by domain. A mixed text has `length` tokens, and changes its kind every
    `SHORTEST` to `LONGEST` tokens, with `joint` between.
    """
    rng = np.random.default_rng(0)
    fitted = [_observed(model, *mixed_text(known, joint, length, rng)) for _ in range(TEXTS)]
    tried = [_observed(model, *mixed_text(new, joint, length, rng)) for _ in range(TEXTS // 2)]
    features, kinds, _ = (np.concatenate(part) for part in zip(*fitted, strict=True))
    weight, bias = _fit(features, kinds, len(known))
    features, kinds, since = (np.concatenate(part) for part in zip(*tried, strict=True))
    right = (torch.from_numpy(features) @ weight + bias).argmax(dim=1).numpy() == kinds
    after = (since >= LAST) & (since < 2 * LAST)
    return Readout(float(right.mean()), float(right[after].mean()), len(right))


def mixed_text(
    documents: Mapping[str, Sequence[Sequence[int]]], joint: Sequence[int], length: int, rng: np.random.Generator
) -> tuple[list[int], NDArray[np.int64], NDArray[np.int64]]:
    """A text of pieces of documents: token ids, their domain as a number, and how many tokens ago it began.

    A joint belongs to what follows it.
    """
    tokens: list[int] = []
    kinds: list[int] = []
    since: list[int] = []
    every, kind = list(documents.values()), -1
    while len(tokens) < length:
        kind = int(rng.choice([i for i in range(len(every)) if i != kind]))
        document = every[kind][int(rng.integers(len(every[kind])))]
        size = int(rng.integers(SHORTEST, LONGEST + 1))
        start = int(rng.integers(max(1, len(document) - size)))
        piece = [*(joint if tokens else ()), *document[start : start + size]]
        tokens += piece
        kinds += [kind] * len(piece)
        since += range(len(piece))
    return tokens[:length], np.array(kinds[:length]), np.array(since[:length])


def _observed(
    model: Qwen3MoeForCausalLM, tokens: list[int], kinds: NDArray[np.int64], since: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Features `[position feature]` of a text, and what belongs to the positions."""
    features = chosen_lately(read(model, [tokens])[0].experts, model.config.num_experts)
    return features, kinds[LAST - 1 :], since[LAST - 1 :]


def chosen_lately(chosen: Ids, experts: int) -> NDArray[np.float32]:
    """Whether each expert of each layer was chosen, at each of the last `LAST` tokens, `[position feature]`.

    From `chosen [site token slot]`; the first position is the first one with a full window of `LAST` tokens.
    """
    taken = (chosen[..., None] == np.arange(experts)).any(axis=2).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(taken, LAST, axis=1)  # [site position expert lag]
    return np.moveaxis(windows, 0, 1).reshape(windows.shape[1], -1)


def _fit(features: NDArray[np.float32], kinds: NDArray[np.int64], classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Multinomial logistic regression with a quadratic penalty: weight `[feature class]` and bias."""
    x, y = torch.from_numpy(features), torch.from_numpy(kinds)
    weight = torch.zeros(x.shape[1], classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=150, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = functional.cross_entropy(x @ weight + bias, y) + PENALTY * weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return weight.detach(), bias.detach()
