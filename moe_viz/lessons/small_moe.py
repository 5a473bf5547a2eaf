"""A very small mixture-of-experts model, trained in seconds: it predicts the next letter from the letters before.

It has one layer of 8 experts, with one expert per token, weighted by its score as in Switch Transformers
(arXiv 2101.03961). Plain numpy with its gradients written out: it starts at once, and runs in
a process of its own (`moe_viz.lessons.live`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moe_viz.metrics.load import max_violation
from moe_viz.probes import probe_texts

Array = NDArray[np.float32]
Balancing = Literal["none", "loss", "bias"]

EXPERTS = 8
STEPS = 300
REPORT_EVERY = 10
_CONTEXT, _LETTERS, _DIM, _WIDTH, _BATCH = 5, 128, 64, 32, 384
_HELD_OUT = 3000
_EMBEDDED = 12  # numbers a letter
_RATE, _ROUTER_RATE = 0.004, 0.02
_BIAS_RATE = 0.05
"""The bias moves in proportion to the load's distance from even (a variant that arXiv 2408.15664 tries too)."""


class Report(NamedTuple):
    """The state of the training."""

    step: int
    loads: list[float]
    """Each expert's share of the held-out letters."""
    max_violation: float
    loss: float
    """Nats per letter on held-out text."""


@dataclass(frozen=True)
class Recipe:
    """The kind of balancing."""

    balancing: Balancing
    strength: float = 0.3
    """Strength of the balancing loss; the other two kinds ignore it."""
    seed: int = 0


def train(recipe: Recipe) -> Iterator[Report]:
    """Train from a random start; gives a report every few steps, the first one before any step."""
    rng = np.random.default_rng(recipe.seed)
    (letters, targets), held_out = _text()
    model = Model(rng)
    yield _report(model, 0, held_out)
    for step in range(1, STEPS + 1):
        drawn = rng.integers(len(targets), size=_BATCH)
        model.learn(letters[drawn], targets[drawn], recipe)
        if step % REPORT_EVERY == 0:
            yield _report(model, step, held_out)


def _report(model: Model, step: int, held_out: tuple[NDArray[np.int64], NDArray[np.int64]]) -> Report:
    letters, targets = held_out
    done = model.forward(letters)
    loads = np.bincount(done.chosen, minlength=EXPERTS) / len(targets)
    loss = float(-np.log(done.guess[np.arange(len(targets)), targets] + 1e-12).mean())
    return Report(step, loads.tolist(), float(max_violation(loads)), loss)


class Pass(NamedTuple):
    """A forward pass, with the values that the backward pass needs."""

    x: Array
    scores: Array
    """`[letter expert]`: softmax of the router's logits."""
    chosen: NDArray[np.int64]
    """`[letter]`"""
    opened: Array
    """`[letter width]`: inside the chosen expert, after its ReLU."""
    output: Array
    """`[letter dim]`: of the chosen expert, before its gating weight."""
    guess: Array
    """`[letter next]`: probabilities of the next letter."""


class Model:
    """The weights by name, and Adam's moments of their gradients."""

    def __init__(self, rng: np.random.Generator) -> None:
        def drawn(*shape: int, spread: float) -> Array:
            return rng.normal(0, spread, shape).astype(np.float32)

        self.weights = {
            "letters": drawn(_LETTERS, _EMBEDDED, spread=1.0),
            "mix": drawn(_CONTEXT * _EMBEDDED, _DIM, spread=(_CONTEXT * _EMBEDDED) ** -0.5),
            "router": drawn(_DIM, EXPERTS, spread=_DIM**-0.5),
            "up": drawn(EXPERTS, _DIM, _WIDTH, spread=_DIM**-0.5),
            "down": drawn(EXPERTS, _WIDTH, _DIM, spread=_WIDTH**-0.5),
            "out": drawn(_DIM, _LETTERS, spread=_DIM**-0.5),
        }
        self.bias = np.zeros(EXPERTS, dtype=np.float32)
        """Added to the scores only for the choice; used by the balancing of this name."""
        self._moments = {name: (np.zeros_like(w), np.zeros_like(w)) for name, w in self.weights.items()}
        self._steps = 0

    def forward(self, letters: NDArray[np.int64]) -> Pass:
        """Predict the letter after each row of `letters` `[letter context]`."""
        w = self.weights
        x = np.tanh(w["letters"][letters].reshape(len(letters), -1) @ w["mix"])
        scores = _softmax(x @ w["router"])
        chosen = (scores + self.bias).argmax(axis=1)
        opened = np.empty((len(x), _WIDTH), dtype=np.float32)
        output = np.empty((len(x), _DIM), dtype=np.float32)
        for expert in range(EXPERTS):
            own = chosen == expert
            opened[own] = np.maximum(x[own] @ w["up"][expert], 0)
            output[own] = opened[own] @ w["down"][expert]
        weight = np.take_along_axis(scores, chosen[:, None], axis=1)
        return Pass(x, scores, chosen, opened, output, _softmax((x + weight * output) @ w["out"]))

    def learn(self, letters: NDArray[np.int64], targets: NDArray[np.int64], recipe: Recipe) -> None:
        """One step of Adam on a batch, and of the bias if that is the balancing."""
        done = self.forward(letters)
        self._adam(self.gradients(letters, targets, done, recipe.strength if recipe.balancing == "loss" else 0.0))
        if recipe.balancing == "bias":
            load = np.bincount(done.chosen, minlength=EXPERTS) / len(targets)
            self.bias += (_BIAS_RATE * (1 - EXPERTS * load)).astype(np.float32)

    def gradients(
        self, letters: NDArray[np.int64], targets: NDArray[np.int64], done: Pass, strength: float
    ) -> dict[str, Array]:
        """Gradients of the mean loss plus `strength` × E Σ f p, with f the share of letters and p the mean score."""
        w, count = self.weights, len(targets)
        rows = np.arange(count)
        weight = done.scores[rows, done.chosen][:, None]
        by_guess = done.guess.copy()
        by_guess[rows, targets] -= 1
        by_guess /= count
        mixed = done.x + weight * done.output
        by_mixed = by_guess @ w["out"].T
        by_output = weight * by_mixed
        by_x = by_mixed.copy()
        up, down = np.zeros_like(w["up"]), np.zeros_like(w["down"])
        for expert in range(EXPERTS):
            own = done.chosen == expert
            down[expert] = done.opened[own].T @ by_output[own]
            by_opened = (by_output[own] @ w["down"][expert].T) * (done.opened[own] > 0)
            up[expert] = done.x[own].T @ by_opened
            by_x[own] += by_opened @ w["up"][expert].T
        share = np.bincount(done.chosen, minlength=EXPERTS) / count
        by_scores = np.broadcast_to(strength * EXPERTS * share / count, done.scores.shape).astype(np.float32)
        by_scores[rows, done.chosen] += (by_mixed * done.output).sum(axis=1)
        by_logits = done.scores * (by_scores - (by_scores * done.scores).sum(axis=1, keepdims=True))
        by_x += by_logits @ w["router"].T
        by_sum = by_x * (1 - done.x**2)
        by_letters = np.zeros_like(w["letters"])
        np.add.at(by_letters, letters, (by_sum @ w["mix"].T).reshape(count, _CONTEXT, _EMBEDDED))
        read = w["letters"][letters].reshape(count, -1)
        return {
            "letters": by_letters,
            "mix": read.T @ by_sum,
            "router": done.x.T @ by_logits,
            "up": up,
            "down": down,
            "out": mixed.T @ by_guess,
        }

    def _adam(self, gradients: dict[str, Array]) -> None:
        self._steps += 1
        for name, gradient in gradients.items():
            first, second = self._moments[name]
            first += 0.1 * (gradient - first)
            second += 0.01 * (gradient**2 - second)
            step = (first / (1 - 0.9**self._steps)) / (np.sqrt(second / (1 - 0.99**self._steps)) + 1e-8)
            self.weights[name] -= (_ROUTER_RATE if name == "router" else _RATE) * step


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _text() -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The probe texts as (context, next letter): training texts, and some letters of each kind's last two texts."""
    kinds = probe_texts().values()
    letters, targets = _windows([text for texts in kinds for text in texts[-2:]])
    some = np.linspace(0, len(targets) - 1, _HELD_OUT).astype(int)
    return _windows([text for texts in kinds for text in texts[:-2]]), (letters[some], targets[some])


def _windows(texts: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    codes = np.concatenate([[ord(c) % _LETTERS for c in " " * _CONTEXT + text] for text in texts])
    rows = np.lib.stride_tricks.sliding_window_view(codes, _CONTEXT + 1)
    return rows[:, :-1], rows[:, -1]
