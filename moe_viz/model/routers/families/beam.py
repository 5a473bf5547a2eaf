"""Beam: routes as DeepSeek-V3, but scales the sum over the experts in place of their weights."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="sigmoid",
    normalized="norm_topk_prob",
    selection_bias="e_score_correction_bias",
    groups=("num_group", "topk_group"),
    output_scale="routed_scaling_factor",
)
