"""DeepSeek-OCR 2, its text tower: routes as DeepSeek-V2."""

from moe_viz.model.families import Family

FAMILY = Family(
    function="softmax",
    scale="routed_scaling_factor",
    groups=("num_group", "topk_group"),
    groups_if=("topk_method", "group_limited_greedy"),
    group_top=1,
    shared_experts="n_shared_experts",
)
