"""Jamba (arXiv 2403.19887): softmax, top-k, not normalised."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
)
