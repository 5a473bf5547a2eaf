"""ERNIE 4.5: softmax; a bias decides the choice alone; normalised."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized=True,
    selection_bias="moe_statics.e_score_correction_bias",
    shared_experts="moe_num_shared_experts",
)
