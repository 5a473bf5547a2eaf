"""LFM2-MoE (arXiv 2511.23404): sigmoid; a bias, if there is one, decides the choice alone; scaled."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="sigmoid",
    normalized="norm_topk_prob",
    scale="routed_scaling_factor",
    selection_bias="expert_bias",
)
