"""Granite 4 (attention and Mamba): routes as Granite MoE; a dense MLP beside the experts."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized=True,
    shared_experts=1,
)
