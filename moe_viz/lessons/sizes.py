"""How many weights well-known models have and use, and what changes with other numbers of experts.

The counts are `moe_viz.count_parameters` of the catalogue's configurations, recorded: a lesson
does not have to wait for torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("sizes.json")


@dataclass(frozen=True)
class Sizes:
    """A model's weights by part, each counted once. All its routers have the same number of experts."""

    attention: int
    shared: int
    """Experts that every token uses."""
    embeddings: int
    output_head: int
    other: int
    """Dense layers, norms and everything else."""
    routers: int
    routed: int
    """All experts that routers choose among."""
    experts: int
    """Experts of one router."""
    zero_experts: int
    """Additional choices that compute nothing."""
    top_k: int
    layers: int
    routed_layers: int

    @property
    def fixed(self) -> int:
        """What every token uses without a router's choice, apart from the routers themselves."""
        return self.attention + self.shared + self.embeddings + self.output_head + self.other

    @property
    def total(self) -> int:
        return self.fixed + self.routers + self.routed

    @property
    def one_expert(self) -> int:
        """One expert of every layer, all layers together."""
        return self.routed // self.experts

    @property
    def routed_per_token(self) -> int:
        """The part of `routed` that a token uses; with zero experts, under an even load."""
        return self.routed * self.top_k // (self.experts + self.zero_experts)

    @property
    def active(self) -> int:
        """All weights that one token uses."""
        return self.fixed + self.routers + self.routed_per_token

    def changed(self, experts: int, top_k: int, width: float = 1.0) -> Sizes:
        """The same model with other experts: `experts` per layer, `top_k` per token, each `width` times as wide."""
        before, after = self.experts + self.zero_experts, experts + self.zero_experts
        return replace(
            self,
            routed=round(self.one_expert * width) * experts,
            routers=self.routers // before * after,
            experts=experts,
            top_k=min(top_k, after),
        )


@cache
def known_sizes() -> Mapping[str, Sizes]:
    """The sizes of the catalogue's models that can be counted, by name."""
    recorded: dict[str, dict[str, int]] = json.loads(FILE.read_text(encoding="utf-8"))
    return {name: Sizes(**parts) for name, parts in recorded.items()}


def counted(config: Mapping[str, Any]) -> dict[str, int]:
    """A configuration's sizes, counted now, in the form of `FILE`. Imports torch."""
    from moe_viz.model.sizes.parameters import count_parameters

    count = count_parameters(config)
    block = count.blocks[0]
    return asdict(
        Sizes(
            attention=count.attention,
            shared=count.shared,
            embeddings=count.embeddings,
            output_head=count.output_head,
            other=count.other,
            routers=count.routers,
            routed=count.routed,
            experts=block.experts,
            zero_experts=block.zero_experts,
            top_k=block.top_k,
            layers=count.layers,
            routed_layers=len(count.blocks),
        )
    )
