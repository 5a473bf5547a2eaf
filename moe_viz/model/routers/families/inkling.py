"""Inkling, its text tower: sigmoid; a bias decides the choice alone; normalised together with the shared experts."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="sigmoid",
    normalized=True,
    shared_in_sum=True,
    selection_bias="e_score_correction_bias",
    shared_experts="n_shared_experts",
    notes=(
        "The router also scores the shared experts and normalises over all: weights shown are a share of that sum.",
    ),
)
