"""Granite MoE: top-k of the logits, then a softmax over the chosen; the same as softmax, normalised."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized=True,
)
