"""Hunyuan V4: routes as DeepSeek-V3."""

from dataclasses import replace

from moe_viz.model.routers.families import SPARSE_ATTENTION
from moe_viz.model.routers.families.deepseek_v3 import FAMILY as DEEPSEEK_V3

FAMILY = replace(DEEPSEEK_V3, batch_dependent=SPARSE_ATTENTION)
