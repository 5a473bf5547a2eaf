"""Phi-3.5-MoE: SparseMixer (arXiv 2409.12136), each choice weighed by a softmax of its own over the logits near it."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function=None,
    fixed_top_k=2,
    notes=(
        "SparseMixer weighs each choice by a softmax of its own, over the logits near it: logits stand for scores.",
    ),
)
