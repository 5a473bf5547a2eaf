"""Hunyuan V3: sigmoid; a bias decides the choice alone; normalised, scaled."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="sigmoid",
    normalized=True,
    scale="router_scaling_factor",
    selection_bias="e_score_correction_bias",
    shared_experts="num_shared_experts",
)
