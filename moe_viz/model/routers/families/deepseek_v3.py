"""DeepSeek-V3 (arXiv 2412.19437, section 2.1.2): sigmoid; a bias and groups decide the choice alone."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="sigmoid",
    normalized="norm_topk_prob",
    scale="routed_scaling_factor",
    selection_bias="e_score_correction_bias",
    groups=("num_group", "topk_group"),
    shared_experts="n_shared_experts",
)
