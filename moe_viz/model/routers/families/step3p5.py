"""Step 3.5, the name that the text tower of Step 3.7 has."""

from moe_viz.model.routers.families.step3p7 import FAMILY

__all__ = ["FAMILY"]
