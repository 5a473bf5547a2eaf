"""GLM-5: routes as DeepSeek-V3."""

from moe_viz.model.families import SPARSE_ATTENTION, Family

FAMILY = Family(
    function="sigmoid",
    normalized="norm_topk_prob",
    scale="routed_scaling_factor",
    selection_bias="e_score_correction_bias",
    groups=("num_group", "topk_group"),
    shared_experts="n_shared_experts",
    batch_dependent=SPARSE_ATTENTION,
)
