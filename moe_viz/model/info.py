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
    generates: bool
    """Whether it predicts next tokens, so that it can continue a text."""
    chats: bool
    """Whether its tokenizer has a chat template."""


def model_info(model: MoEModel) -> ModelInfo:
    """Describe a loaded model, counting its weights where they are."""
    from moe_viz.model.parameters import count_parameters  # with torch, which this module must not bring in

    counted = count_parameters(model)
    return ModelInfo(
        provenance=model.provenance(),
        sites=model.sites,
        layers=counted.layers,
        context=model.context,
        parameters=counted.total,
        active_parameters=counted.active,
        generates=model.generates,
        chats=model.chats,
    )
