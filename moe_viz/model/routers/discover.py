"""Finding a model's routers by structure, not by class name.

`moe_block` finds the blocks. In almost every current MoE family of transformers the experts'
forward takes (hidden states, chosen experts, weights), and the router is more than a plain linear
layer. Where that is not so, the family's record must name an extractor, or the block is not read.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

from moe_viz.data.router_site import RouterSite, Stack
from moe_viz.errors import ModelError
from moe_viz.model.routers.families import ARGUMENTS, Family, family_of
from moe_viz.model.routers.moe_blocks import moe_block
from moe_viz.model.routers.routing_rule import RoutingRule

LAYER = re.compile(r"\b(?:layers|blocks|block|h)\.(\d+)")


@dataclass(frozen=True)
class Router:
    """One MoE block's router and experts, and what is known of them before any forward pass."""

    site: RouterSite
    """As it was when the router was found."""
    rule: RoutingRule
    """Where the site is read again."""
    router: nn.Module
    experts: nn.Module
    logits: nn.Module
    """The module that returns the logits: the router, or a part of it."""
    logits_index: int
    extractor: str
    """How its choices are read, by the name in `EXTRACTORS`."""
    batch_dependent: bool
    """Whether a token's routing may depend on the other tokens of its batch. In an unknown family it may."""
    biased: bool
    """Whether a bias joins the choice, even where its values are not known, as in a model without weights."""


def discover(model: Any) -> tuple[Router, ...]:
    """All routers of a transformers `model`, in the order of its modules: a stack's layers from first to last.

    Raises ModelError if there is none (a dense model), or if the model is compiled, because a
    compiled model may not call its modules.
    """
    if hasattr(model, "_orig_mod"):
        raise ModelError(
            "the model went through torch.compile, after which its modules may not be called: attach the model that was"
            " compiled, its _orig_mod"
        )
    modules = dict(model.named_modules())
    routers = []
    for name, block in modules.items():
        config, family = _nearest(name, modules)
        found = _readable(block, family)
        if found is not None and not (family and set(family.ignored) & set(name.split("."))):
            routers.append(_router(name, *found, block, family, config, model.config.is_encoder_decoder))
    if not routers:
        raise ModelError(
            f"this {model.config.model_type} model has no router that can be read: it is dense, or its MoE blocks are"
            " built in a way that is not known here; choose a mixture-of-experts model"
        )
    return tuple(routers)


def _nearest(name: str, modules: dict[str, nn.Module]) -> tuple[Any, Family | None]:
    """The config that holds for the module `name`, and the record of its family.

    The closest module around it whose family is recorded decides: a tower's own before the whole
    model's. Without a record it is the whole model's config.
    """
    for around in _outwards(name):
        config: Any = getattr(modules[around], "config", None)
        family = family_of(config.model_type) if hasattr(config, "model_type") else None
        if family is not None:
            return config, family
    return modules[""].config, None


def _outwards(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition(".")[0]
    yield ""


def _readable(block: nn.Module, family: Family | None) -> tuple[nn.Module, nn.Module] | None:
    """The block's router and experts; None if it is no MoE block, or one that cannot be read."""
    found = moe_block(block)
    if found is None:
        return None
    router, experts = block.get_submodule(found.router), block.get_submodule(found.experts[0])
    called_alike = family is None or family.extractor == ARGUMENTS
    if called_alike and (type(router) is nn.Linear or not _takes_choices(experts)):
        return None
    return router, experts


def _takes_choices(experts: nn.Module) -> bool:
    return len(inspect.signature(type(experts).forward).parameters) >= 4  # self and the three


def _router(
    name: str,
    router: nn.Module,
    experts: nn.Module,
    block: nn.Module,
    family: Family | None,
    config: Any,
    two_stacks: bool,
) -> Router:
    layer = LAYER.search(name)
    stack: Stack = "encoder" if two_stacks and "encoder" in name.split(".") else "decoder"
    rule = RoutingRule(name, int(layer[1]) if layer else 0, stack, experts, (router, block, config), family)
    site, known = rule.site(), rule.known
    return Router(
        site,
        rule,
        router,
        experts,
        getattr(router, known.logits_from) if known.logits_from else router,
        known.logits_index,
        known.extractor,
        family is None or bool(family.batch_dependent),
        rule.has_selection_bias and not (site.scoring and site.scoring.by_token),
    )
