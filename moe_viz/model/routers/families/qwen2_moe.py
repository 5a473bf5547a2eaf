"""Qwen2-MoE: softmax, top-k; one shared expert, gated by a sigmoid of its own."""

from moe_viz.model.routers.families import Family

FAMILY = Family(function="softmax", normalized="norm_topk_prob", shared_experts=1)
