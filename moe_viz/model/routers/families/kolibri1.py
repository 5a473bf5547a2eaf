"""Kolibri: sigmoid; a bias on the logits decides the choice alone."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="sigmoid",
    normalized="norm_topk_prob",
    selection_bias="e_score_correction_bias",
    bias_on_logits=True,
    shared_experts=1,
)
