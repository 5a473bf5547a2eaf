"""A.X K2: routes as DeepSeek-V3, but an expert outside the best groups counts 0 and is not forbidden."""

from moe_viz.model.routers.families import SPARSE_ATTENTION, Family

FAMILY = Family(
    function="sigmoid",
    normalized="norm_topk_prob",
    scale="routed_scaling_factor",
    selection_bias="e_score_correction_bias",
    groups=("num_group", "topk_group"),
    outside_groups=0.0,
    shared_experts="n_shared_experts",
    batch_dependent=SPARSE_ATTENTION,
)
