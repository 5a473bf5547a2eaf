"""One token in one layer of the bundled model, from its hidden state to the weighted sum of its experts.

The hidden states of one sentence were recorded at the inputs of the routers. Everything else
is computed from them with the model's own weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moe_viz.lessons.bundled import Floats, expert_output, router_weight
from moe_viz.lessons.scoring import BUNDLED, weights_by_expert

FILE = Path(__file__).with_name("one_token.npz")
TEXT = "The king of France is old. def area(r): return 3 *"


@dataclass(frozen=True, eq=False)
class Sentence:
    """The inputs of the routers."""

    tokens: tuple[str, ...]
    hidden: Floats
    """`[layer token dim]`"""


@dataclass(frozen=True, eq=False)
class Steps:
    """What one router computes for one token, and the outputs of its experts."""

    hidden: Floats
    """`[dim]`"""
    logits: NDArray[np.float64]
    """`[expert]`"""
    scores: NDArray[np.float64]
    """`[expert]`: softmax over all experts, sum 1."""
    chosen: NDArray[np.intp]
    """`[slot]`: largest score first."""
    weights: NDArray[np.float64]
    """`[slot]`: gating weights, sum 1."""
    outputs: Floats
    """`[slot dim]`: each chosen expert's output for the hidden state."""

    @property
    def total(self) -> NDArray[np.float64]:
        """The weighted sum, `[dim]`: what the layer adds to the token."""
        return self.weights @ self.outputs

    @property
    def share(self) -> float:
        """How much of the router's probability the chosen experts hold."""
        return float(self.scores[self.chosen].sum())


@cache
def sentence() -> Sentence:
    """The recorded sentence."""
    with np.load(FILE, allow_pickle=False) as saved:
        return Sentence(tuple(saved["tokens"].tolist()), saved["hidden"])


def logits_of(layer: int, token: int) -> NDArray[np.float64]:
    """The router's logits of one token, `[expert]`: one product with the hidden state for each expert."""
    return router_weight(layer).astype(np.float64) @ sentence().hidden[layer, token]


def steps(layer: int, token: int, k: int) -> Steps:
    """One token in one layer, with `k` experts, which may differ from the model's own 2."""
    hidden = sentence().hidden[layer, token]
    logits = logits_of(layer, token)
    scores = np.exp(logits - logits.max())
    scores /= scores.sum()
    weights = weights_by_expert(logits, BUNDLED, k)
    chosen = np.argsort(-scores, kind="stable")[:k]
    outputs = np.stack([expert_output(layer, int(expert), hidden) for expert in chosen])
    return Steps(hidden, logits, scores, chosen, weights[chosen], outputs)
