"""Mixtral (arXiv 2401.04088): softmax, top-k, divided by the sum of the chosen."""

from moe_viz.model.routers.families import Family

FAMILY = Family(function="softmax", normalized=True)
