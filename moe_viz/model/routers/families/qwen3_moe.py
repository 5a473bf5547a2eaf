"""Qwen3-MoE (arXiv 2505.09388): softmax, top-k, no shared expert."""

from moe_viz.model.routers.families import Family

FAMILY = Family(function="softmax", normalized="norm_topk_prob")
