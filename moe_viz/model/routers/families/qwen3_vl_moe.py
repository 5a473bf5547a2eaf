"""Qwen3-VL-MoE, its text tower: softmax, top-k, always normalised."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized=True,
)
