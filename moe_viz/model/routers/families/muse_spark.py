"""Muse Spark, its text tower: sigmoid; a bias decides the choice alone; each expert's output is normalised."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="sigmoid",
    normalized=True,
    scale="routed_scaling_factor",
    selection_bias="e_score_correction_bias",
)
