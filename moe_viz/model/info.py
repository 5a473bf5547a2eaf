"""What a loaded model is, in numbers fit for a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from moe_viz.trace import Provenance, RouterSite

if TYPE_CHECKING:
    from moe_viz.model.moe_model import MoEModel


@dataclass(frozen=True)
class ModelInfo:
    """A loaded model's shape and size."""

    provenance: Provenance
    sites: tuple[RouterSite, ...]
    layers: int
    """All layers of all stacks that have routers, dense ones included."""
    context: int | None
    parameters: int
    """All weights, each counted once."""
    active_parameters: int
    """Weights that one token uses: all, less the routed experts that it does not visit."""


def model_info(model: MoEModel) -> ModelInfo:
    """Describe a loaded model, counting its weights where they are."""
    total = sum(p.numel() for p in model.hf_model.parameters())
    idle = 0.0
    for router in model.routers:
        routed = sum(p.numel() for p in router.experts.parameters())
        idle += routed * (1 - router.site.top_k / router.site.num_experts)
    stacks = {site.stack for site in model.sites}
    config = model.hf_model.config.get_text_config()
    layers = len(stacks) * config.num_hidden_layers
    return ModelInfo(model.provenance(), model.sites, layers, model.context, total, round(total - idle))
