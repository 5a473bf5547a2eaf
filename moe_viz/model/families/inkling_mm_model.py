"""Inkling, the name that the whole multimodal model has."""

from moe_viz.model.families.inkling import FAMILY

__all__ = ["FAMILY"]
