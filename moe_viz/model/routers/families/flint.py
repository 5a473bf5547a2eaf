"""Flint: sigmoid, top-k, without a bias; one shared expert."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="sigmoid",
    normalized="norm_topk_prob",
    shared_experts=1,
)
