"""GLM-4.5 (arXiv 2508.06471): routes as DeepSeek-V3."""

from moe_viz.model.routers.families.deepseek_v3 import FAMILY

__all__ = ["FAMILY"]
