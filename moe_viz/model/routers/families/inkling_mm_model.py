"""Inkling, the name that the whole multimodal model has."""

from moe_viz.model.routers.families.inkling import FAMILY

__all__ = ["FAMILY"]
