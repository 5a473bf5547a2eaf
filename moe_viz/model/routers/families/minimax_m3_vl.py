"""MiniMax-M3, its text tower: as MiniMax-M2, with the sum over the experts scaled; one shared expert."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="sigmoid",
    normalized=True,
    selection_bias="e_score_correction_bias",
    shared_experts=1,
    output_scale="routed_scaling_factor",
)
