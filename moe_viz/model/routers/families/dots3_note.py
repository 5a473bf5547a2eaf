"""dots3 Note, its text tower: routes as DeepSeek-V3."""

from moe_viz.model.routers.families import SPARSE_ATTENTION, Family

FAMILY = Family(
    function="sigmoid",
    normalized="norm_topk_prob",
    scale="routed_scaling_factor",
    selection_bias="e_score_correction_bias",
    groups=("num_group", "topk_group"),
    shared_experts="n_shared_experts",
    ignored=("vision_tower", "visual", "audio_tower"),
    batch_dependent=SPARSE_ATTENTION,
)
