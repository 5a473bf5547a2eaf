"""DeepSeek-OCR 2, its text tower: routes as DeepSeek-V2."""

from moe_viz.model.routers.families.deepseek_v2 import FAMILY

__all__ = ["FAMILY"]
