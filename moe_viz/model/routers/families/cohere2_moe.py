"""Cohere 2 MoE: top-k of the logits, then a softmax or a sigmoid of the chosen; shared experts may be averaged in."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="expert_selection_fn",
    normalized="norm_topk_prob",
    softmax_of_chosen=True,
    shared_experts="num_shared_experts",
    output_halved_if=("shared_expert_combination_strategy", "average"),
)
