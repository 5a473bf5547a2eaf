"""Mistral Large 4, its text tower: softmax, limited to the best groups, normalised, scaled."""

from moe_viz.model.routers.families import SPARSE_ATTENTION, Family

FAMILY = Family(
    function="softmax",
    normalized=True,
    scale="routed_scaling_factor",
    groups=("num_group", "topk_group"),
    shared_experts="n_shared_experts",
    batch_dependent=SPARSE_ATTENTION,
)
