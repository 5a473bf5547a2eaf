"""MiniMax-M2: sigmoid; a bias decides the choice alone; normalised."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="sigmoid",
    normalized=True,
    selection_bias="e_score_correction_bias",
)
