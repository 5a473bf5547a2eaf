"""DeepSeek-V2 (arXiv 2405.04434, section 2.2.2): softmax, not normalised; a group is as good as its best expert."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    scale="routed_scaling_factor",
    groups=("num_group", "topk_group"),
    groups_if=("topk_method", "group_limited_greedy"),
    group_top=1,
    shared_experts="n_shared_experts",
)
