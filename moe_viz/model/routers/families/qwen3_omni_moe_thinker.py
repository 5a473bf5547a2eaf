"""Qwen3-Omni, the name that the part that reads and writes text has."""

from moe_viz.model.routers.families.qwen3_omni_moe import FAMILY

__all__ = ["FAMILY"]
