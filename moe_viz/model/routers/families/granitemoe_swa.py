"""Granite MoE with sliding-window attention: routes as Granite MoE."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized=True,
)
