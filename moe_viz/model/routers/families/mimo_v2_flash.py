"""MiMo-V2-Flash: routes as DeepSeek-V3, without shared experts."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="sigmoid",
    normalized="norm_topk_prob",
    scale="routed_scaling_factor",
    selection_bias="e_score_correction_bias",
    groups=("num_group", "topk_group"),
)
