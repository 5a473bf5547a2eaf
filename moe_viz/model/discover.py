"""Finding a model's routers by structure, not by class name.

In every current MoE family of transformers an MoE block has a child `experts`, whose
forward takes (hidden states, chosen experts, weights), and a child `gate` or `router` that
is more than a plain linear layer.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any

from torch import nn

from moe_viz.errors import ModelError
from moe_viz.model.families import Family, family_of
from moe_viz.trace import RouterSite, Scoring

_LAYER = re.compile(r"\b(?:layers|blocks|block|h)\.(\d+)")
_COUNT_NAMES = ("num_experts", "num_local_experts", "n_routed_experts")


@dataclass(frozen=True)
class Router:
    """One MoE block's router and experts, and what is known of them before any forward."""

    site: RouterSite
    router: nn.Module
    experts: nn.Module
    logits_index: int
    one_hot_ids: bool


def discover(model: Any) -> tuple[Router, ...]:
    """All routers of a transformers `model`, in the order of its modules (of its layers, in each stack).

    Raises ModelError if there is none (a dense model), or if the model is compiled, and so may
    run past its modules.
    """
    if hasattr(model, "_orig_mod"):
        raise ModelError(
            "the model went through torch.compile, which can run past its modules: attach the model that was compiled,"
            " its _orig_mod"
        )
    config = model.config
    family = family_of(config.model_type)
    routers = []
    for name, block in model.named_modules():
        experts, router = getattr(block, "experts", None), getattr(block, "gate", getattr(block, "router", None))
        if _is_experts(experts) and isinstance(router, nn.Module) and type(router) is not nn.Linear:
            assert isinstance(experts, nn.Module)
            routers.append(_router(name, router, experts, block, family, config))
    if not routers:
        raise ModelError(
            f"this {config.model_type} model has no router that can be read: it is dense, or its MoE blocks are"
            " built in a way that is not known here; choose a mixture-of-experts model"
        )
    return tuple(routers)


def _is_experts(module: object) -> bool:
    if not isinstance(module, nn.Module):
        return False
    return len(inspect.signature(type(module).forward).parameters) >= 4  # self and the three


def _router(
    name: str, router: nn.Module, experts: nn.Module, block: nn.Module, family: Family | None, config: Any
) -> Router:
    layer = _LAYER.search(name)
    site = RouterSite(
        name=name,
        layer=int(layer[1]) if layer else 0,
        num_experts=_first_int(_COUNT_NAMES, experts, router, block, config),
        top_k=(family and family.fixed_top_k) or _first_int(("top_k", "num_experts_per_tok"), router, block, config),
        stack="encoder" if name.startswith("encoder.") else "decoder",
        scoring=_scoring(router, family) if family else None,
        shared_experts=_shared_experts(family, config) if family else 0,
    )
    return Router(
        site,
        router,
        experts,
        family.logits_index if family else 0,
        family.one_hot_ids if family else False,
    )


def _first_int(names: tuple[str, ...], *places: object) -> int:
    """The first integer attribute with one of these names."""
    for place in places:
        for name in names:
            value = getattr(place, name, None)
            if isinstance(value, int):
                return value
    raise ModelError(f"an MoE block was found, but nothing in it or its config says {' or '.join(names)}")


def _scoring(router: nn.Module, family: Family) -> Scoring:
    def read(name: str) -> Any:
        return getattr(router, name)

    bias = read(family.selection_bias) if family.selection_bias else None
    groups, kept = (read(name) for name in family.groups) if family.groups else (1, 1)
    return Scoring(
        function=family.function,
        normalized=family.normalized if isinstance(family.normalized, bool) else bool(read(family.normalized)),
        scale=float(read(family.scale)) if family.scale else 1.0,
        selection_bias=None if bias is None or bias.is_meta else tuple(bias.detach().float().tolist()),
        groups=groups or 1,
        groups_kept=kept or 1,
    )


def _shared_experts(family: Family, config: Any) -> int:
    if isinstance(family.shared_experts, int):
        return family.shared_experts
    return int(getattr(config, family.shared_experts) or 0)
