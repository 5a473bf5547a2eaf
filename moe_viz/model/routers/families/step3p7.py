"""Step 3.7, its text tower: sigmoid; a bias decides the choice alone; the sum over the experts is scaled."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="sigmoid",
    normalized=True,
    selection_bias="e_score_correction_bias",
    shared_experts=1,
    output_scale="routed_scaling_factor",
)
