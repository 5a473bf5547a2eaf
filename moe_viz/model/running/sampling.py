"""How the next token is drawn, free of torch, so that pages can use it."""

from __future__ import annotations

from dataclasses import dataclass

from moe_viz.errors import InputError


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn from the model's distribution.

    Raises InputError for a value out of range.
    """

    temperature: float = 0.8
    """The logits are divided by it; 0 takes the most probable token."""
    top_p: float = 0.95
    """One of the most probable tokens that together reach this probability is drawn
    (nucleus sampling, arXiv 1904.09751)."""
    seed: int = 0
    """The same seed draws the same text."""

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 100:
            raise InputError(f"temperature is {self.temperature}; expected 0 to 100")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top_p is {self.top_p}; expected more than 0 and at most 1")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed is {self.seed}; expected 0 to 2^63 - 1")

    def __str__(self) -> str:
        if self.temperature == 0:
            return "the most probable token each time"
        return f"temperature {self.temperature:g}, top-p {self.top_p:g}, seed {self.seed}"
