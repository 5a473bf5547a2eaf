"""JetMoE (arXiv 2404.07413): attention and MLP both route, by top-k of the logits and a softmax over the chosen."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized=True,
    logits_index=4,
    extractor="sorted",
    offloads=False,
    notes=("Each layer has two routers: first that of the attention's experts, then that of the MLP's.",),
)
