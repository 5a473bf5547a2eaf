"""Inkling 2, its text tower: a bias decides the choice alone; normalised, scaled."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="scoring_func",
    normalized=True,
    scale="routed_scaling_factor",
    selection_bias="e_score_correction_bias",
)
