"""Aria (arXiv 2410.05993), its text tower: top-k of the logits, then a softmax over the chosen."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized=True,
    shared_experts="moe_num_shared_experts",
)
