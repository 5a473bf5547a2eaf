"""Qwen3.5-MoE, its text tower: softmax, top-k, always normalised; one shared expert, gated by a sigmoid of its own."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized=True,
    shared_experts=1,
)
