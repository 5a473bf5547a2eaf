"""ERNIE 4.5 VL: routes text as ERNIE 4.5; images have routers and experts of their own."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized=True,
    selection_bias="moe_statics.e_score_correction_bias",
    shared_experts="moe_num_shared_experts",
    ignored=("vision_moe",),
    notes=("Each layer also has a router for images, which no text reaches.",),
)
