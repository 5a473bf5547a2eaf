"""DiffusionGemma, its text encoder: routes as Gemma 4."""

from moe_viz.model.families import Family

FAMILY = Family(
    function="softmax",
    normalized=True,
    expert_scale="per_expert_scale",
    logits_from="proj",
    output_normed=True,
    notes=("A dense MLP runs beside the experts in every layer.",),
)
