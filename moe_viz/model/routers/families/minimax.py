"""MiniMax-Text-01 (arXiv 2501.08313): softmax, top-k, divided by the sum of the chosen."""

from moe_viz.model.routers.families import Family

FAMILY = Family(
    function="softmax",
    normalized=True,
)
