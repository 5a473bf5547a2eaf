"""Qwen4 (experimental), its text tower: as Qwen3-Next."""

from moe_viz.model.routers.families import SPARSE_ATTENTION, Family

FAMILY = Family(
    function="softmax",
    normalized="norm_topk_prob",
    shared_experts=1,
    batch_dependent=SPARSE_ATTENTION,
)
