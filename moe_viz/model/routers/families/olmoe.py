"""OLMoE (arXiv 2409.02060): softmax, top-k; OLMoE-1B-7B does not normalise."""

from moe_viz.model.routers.families import Family

FAMILY = Family(function="softmax", normalized="norm_topk_prob")
