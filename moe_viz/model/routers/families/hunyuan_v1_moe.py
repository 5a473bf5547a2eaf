"""HunYuan-MoE: softmax, top-k, normalised; a layer may have a k of its own; one shared expert."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized=True,
    shared_experts=1,
)
