"""Mistral 4: softmax, limited to the best groups, normalised, scaled."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized="norm_topk_prob",
    scale="routed_scaling_factor",
    groups=("num_group", "topk_group"),
    shared_experts="n_shared_experts",
)
