"""A.X K1: routes as DeepSeek-V3; a norm follows the sum of routed and shared experts."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="sigmoid",
    normalized="norm_topk_prob",
    scale="routed_scaling_factor",
    selection_bias="e_score_correction_bias",
    groups=("num_group", "topk_group"),
    shared_experts="n_shared_experts",
    output_normed=True,
)
