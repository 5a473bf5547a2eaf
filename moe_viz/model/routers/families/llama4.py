"""Llama 4, its text tower: top-k of the logits, then a sigmoid, which multiplies what the expert reads."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="sigmoid",
    logits_index=1,
    extractor="dense",
    shared_experts=1,
    notes=("A gating weight multiplies the expert's input, not its output.",),
)
