"""Gemma 4, its text tower: softmax, top-k, normalised, times a factor of each expert's own; a dense MLP beside."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized=True,
    expert_scale="per_expert_scale",
    logits_from="proj",
    output_normed=True,
    notes=("A dense MLP runs beside the experts in every layer.",),
)
