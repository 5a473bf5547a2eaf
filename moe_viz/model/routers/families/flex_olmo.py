"""FlexOlmo (arXiv 2507.07024): as OLMoE."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized="norm_topk_prob",
)
