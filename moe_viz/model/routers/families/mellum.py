"""Mellum: softmax, top-k, normalised if the config says so."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized="norm_topk_prob",
)
