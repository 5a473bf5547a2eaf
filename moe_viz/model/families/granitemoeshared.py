"""Granite MoE with a dense MLP beside the experts."""

from moe_viz.model.families import Family

FAMILY = Family(
    function="softmax",
    normalized=True,
    shared_experts=1,
)
