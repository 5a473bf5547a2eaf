"""Qwen3-Omni, its text towers: as Qwen3-MoE."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized="norm_topk_prob",
)
