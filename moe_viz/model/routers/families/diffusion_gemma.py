"""DiffusionGemma, its text encoder: routes as Gemma 4."""

from moe_viz.model.routers.families.gemma4 import FAMILY

__all__ = ["FAMILY"]
