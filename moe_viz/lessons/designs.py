"""The designs of well-known mixture-of-experts models: which models have them, and what they change in numbers.

The layers are `moe_viz.metrics.topology.topology_table` of public configurations, recorded: a
lesson does not have to wait for torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from math import comb
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FILE = Path(__file__).with_name("designs.json")
STANDARD = 8
"""Weights of a standard feed-forward part over the width squared: two matrices, four times as wide as
the layer (arXiv 1706.03762, section 3.3)."""


@dataclass(frozen=True)
class Built:
    """A model as its configuration describes it."""

    width: int
    """Numbers in a hidden state."""
    expert: int
    """Weights of one of its routed experts; of the larger kind if attention has experts too."""
    total: int
    active: int
    """Weights that one token uses ..."""
    shared: int
    """... and of these, those of shared experts."""
    kinds: tuple[Mapping[str, Any], ...]
    """Layers that differ only in their number: a row of `topology_table` with `layer` as a list."""

    @cached_property
    def layers(self) -> pd.DataFrame:
        """The `topology_table`, one row per router, or per layer without a router."""
        import pandas as pd

        rows = pd.DataFrame(self.kinds).explode("layer").astype({"layer": int})
        stacks = rows["stack"].map({name: place for place, name in enumerate(rows["stack"].unique())})
        order = rows.assign(place=stacks).reset_index(drop=True).sort_values(["place", "layer"], kind="stable")
        return order.drop(columns="place").reset_index(drop=True)

    @property
    def router(self) -> Mapping[str, Any]:
        """The kind of router that most of its layers have."""
        return max((kind for kind in self.kinds if kind["routed"]), key=lambda kind: len(kind["layer"]))

    @property
    def dense(self) -> tuple[int, ...]:
        """The layers without a router."""
        return tuple(int(layer) for layer in self.layers["layer"][~self.layers["routed"]])

    @property
    def size(self) -> float:
        """One expert, as a multiple of a standard feed-forward part of the same width."""
        return self.expert / (STANDARD * self.width**2)

    @property
    def sets(self) -> int:
        """How many sets of experts one router can choose for a token."""
        one = self.router
        return choices(one["experts"], one["top_k"], max(1, one["groups"]), max(1, one["groups_kept"]))


def _dense_first(built: Built) -> bool:
    return bool(built.dense) and built.dense == tuple(range(len(built.dense)))


DESIGNS: Mapping[str, Callable[[Built], bool]] = {
    "shared": lambda built: built.router["shared_experts"] > 0,
    "fine": lambda built: built.size < 1,
    "first": _dense_first,
    "some": lambda built: bool(built.dense) and not _dense_first(built),
    "nothing": lambda built: built.router["zero_experts"] > 0,
    "hash": lambda built: any("looked up" in kind["rule"] for kind in built.kinds),
}
"""Each design's key among the lesson's texts, and the test whether a model has it."""


def choices(experts: int, top_k: int, groups: int = 1, kept: int = 1) -> int:
    """How many sets of `top_k` experts lie in at most `kept` of `groups` groups."""
    each = experts // groups

    def of_exactly(number: int) -> int:
        """Sets that have experts in each of the given number of groups, and in no other group."""
        return sum((-1) ** out * comb(number, out) * comb((number - out) * each, top_k) for out in range(number))

    return sum(comb(groups, number) * of_exactly(number) for number in range(1, kept + 1))


def hash_families() -> tuple[str, ...]:
    """The recorded families whose routers look up a choice by the token's id."""
    from moe_viz.model.routers import families

    found = ((name, families.family_of(name)) for _, name, _ in iter_modules(families.__path__))
    return tuple(name for name, family in found if family is not None and family.id_table is not None)


@cache
def known_designs() -> Mapping[str, Built]:
    """The catalogue's MoE models by name; after them the `hash_families`, with the defaults of transformers."""
    recorded = json.loads(FILE.read_text(encoding="utf-8"))
    return {name: Built(**parts | {"kinds": tuple(parts["kinds"])}) for name, parts in recorded.items()}


def with_design(design: str) -> tuple[str, ...]:
    """The models that have one of `DESIGNS`."""
    return tuple(name for name, built in known_designs().items() if DESIGNS[design](built))


def built_now(config: Mapping[str, Any]) -> dict[str, Any]:
    """What `FILE` records about a configuration, computed now. Imports torch."""
    from moe_viz.metrics.topology import topology_table
    from moe_viz.model.checkpoints.resolve import find_config
    from moe_viz.model.info import architecture

    built = architecture(config)
    count = built.count
    table = topology_table(built.sites, built.biased, count.stacks)
    same = [column for column in table if column != "layer"]
    kinds = table.groupby(same, sort=False)["layer"].agg(list).reset_index()
    return {
        "width": find_config(config, None).get_text_config().hidden_size,
        "expert": max(block.parameters // block.experts for block in count.blocks),
        "total": count.total,
        "active": count.active,
        "shared": count.shared,
        "kinds": json.loads(kinds.to_json(orient="records")),
    }
