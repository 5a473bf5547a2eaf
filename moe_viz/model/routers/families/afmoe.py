"""AFMoE (Arcee Trinity): sigmoid; a bias decides the choice alone; normalised, scaled."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="sigmoid",
    normalized=True,
    scale="route_scale",
    selection_bias="expert_bias",
    shared_experts="num_shared_experts",
)
