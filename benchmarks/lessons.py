"""The small model of the lesson on balance, from many random starts: how even its load is at the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from moe_viz.lessons.small_moe import Balancing, Recipe, Report, train

SEEDS = 20


def report() -> Iterator[str]:
    """Rows of a Markdown table: each balancing's MaxVio and loss at the end, over all seeds."""
    for balancing in get_args(Balancing):
        ends = [_end(Recipe(balancing, seed=seed)) for seed in range(SEEDS)]
        violations = [end.max_violation for end in ends]
        losses = [end.loss for end in ends]
        yield (
            f"| {balancing} | {min(violations):.2f} to {max(violations):.2f}"
            f" | {min(losses):.3f} to {max(losses):.3f} | {SEEDS} |"
        )


def _end(recipe: Recipe) -> Report:
    *_, last = train(recipe)
    return last
