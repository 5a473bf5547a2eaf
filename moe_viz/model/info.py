"""What a page shows of a model: how it is built, and where a loaded one runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moe_viz.data.provenance import Provenance
from moe_viz.data.router_site import RouterSite
from moe_viz.model.sizes.parameter_count import ParameterCount

if TYPE_CHECKING:
    from moe_viz.model.routers.self_test import SelfTest
    from moe_viz.model.running.moe_model import MoEModel

# What needs torch is imported where it is used: this module must not bring it in.


@dataclass(frozen=True)
class Architecture:
    """How a model is built, from its config alone."""

    sites: tuple[RouterSite, ...]
    """Its routers; none in a dense model. Without weights no site has its selection bias."""
    biased: tuple[bool, ...]
    """`[site]`: whether a bias joins the choice."""
    count: ParameterCount


@dataclass(frozen=True)
class ModelInfo(Architecture):
    """A loaded model."""

    context: int | None
    provenance: Provenance
    memory: tuple[tuple[str, int], ...]
    """Bytes that its weights take by device, as measured."""
    self_test: SelfTest
    generates: bool
    """Whether it predicts next tokens, so that it can continue a text."""
    chats: bool
    """Whether its tokenizer has a chat template."""


def architecture(config: Mapping[str, Any]) -> Architecture:
    """How the model of a config's values is built, without any of its weights. A dense model has no sites.

    Raises ModelError if the values make no config, or no language model can be built from it.
    """
    from moe_viz.model.checkpoints.checks import skeleton
    from moe_viz.model.checkpoints.resolve import find_config
    from moe_viz.model.routers.discover import discover
    from moe_viz.model.sizes.parameters import count_built

    model = skeleton(find_config(config, None), "this config")
    count = count_built(model)
    routers = discover(model) if count.blocks else ()
    return Architecture(tuple(router.site for router in routers), tuple(router.biased for router in routers), count)


def model_info(model: MoEModel) -> ModelInfo:
    """Describe a loaded model, and count its weights on each device."""
    from moe_viz.model.sizes.memory import resident
    from moe_viz.model.sizes.parameters import count_parameters

    return ModelInfo(
        sites=model.sites,
        biased=tuple(router.biased for router in model.routers),
        count=count_parameters(model),
        context=model.context,
        provenance=model.provenance(),
        memory=tuple(resident(model.hf_model).items()),
        self_test=model.self_test,
        generates=model.generates,
        chats=model.chats,
    )
