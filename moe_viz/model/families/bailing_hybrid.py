"""Bailing (Ling) hybrid: routes as DeepSeek-V3."""

from moe_viz.model.families.deepseek_v3 import FAMILY

__all__ = ["FAMILY"]
