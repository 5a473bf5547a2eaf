"""The one rule that finds MoE blocks, for those who read routers and for those who count weights."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

EXPERT_COUNTS = ("num_experts", "num_local_experts", "n_routed_experts")
"""What models call the number of a layer's routed experts."""
CHOICES_PER_TOKEN = ("top_k", "num_experts_per_tok", "top_k_experts")
"""What models call the number of experts per token."""
_ROUTERS = ("gate", "router", "router_gate")


class MoEBlock(NamedTuple):
    """The children of a block that routes, by name."""

    router: str
    experts: tuple[str, ...]
    """Those that hold the weights of the routed experts."""


def moe_block(module: nn.Module) -> MoEBlock | None:
    """The router and the experts of a block; None if it is no MoE block.

    A block routes if one child is called as routers are, and beside it there is a child `experts`,
    or there are children all of whose weights are stacked by expert, `[expert ...]`.
    """
    children = dict(module.named_children())
    router = next((name for name in _ROUTERS if name in children), None)
    if router is None:
        return None
    if "experts" in children:
        return MoEBlock(router, ("experts",))
    count = first_int(EXPERT_COUNTS, children[router], module)
    stacked = tuple(name for name, child in children.items() if name != router and _is_stacked(child, count))
    return MoEBlock(router, stacked) if stacked else None


def _is_stacked(module: nn.Module, experts: int | None) -> bool:
    shapes = [parameter.shape for parameter in module.parameters()]
    axes = 2 if isinstance(module, nn.Embedding) else 3
    return bool(shapes) and all(len(shape) == axes and shape[0] == experts for shape in shapes)


def first_int(names: tuple[str, ...], *places: object) -> int | None:
    """The first integer attribute with one of these names, in the order of the places; None if there is none."""
    found = (getattr(place, name, None) for place in places for name in names)
    return next((value for value in found if isinstance(value, int)), None)
