"""LongCat-Flash (arXiv 2509.01322): softmax; a bias decides the choice alone; the last experts compute nothing."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    scale="routed_scaling_factor",
    selection_bias="e_score_correction_bias",
    num_experts="n_routed_experts",
    zero_experts="zero_expert_num",
    offloads=False,
    notes=(
        "The last experts are identities: they hand the token on, times its gating weight.",
        "A fault in transformers allots weights to the identities too, which nothing uses: more memory, same routing.",
    ),
)
