"""DBRX: softmax, top-k in the block; divided by the sum of the chosen."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized="moe_normalize_expert_weights",
    offloads=False,
)
