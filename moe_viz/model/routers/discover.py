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
from operator import attrgetter
from typing import Any, get_args, get_type_hints

from accelerate.utils import align_module_device
from torch import nn

from moe_viz.data.router_site import RouterSite, Scoring
from moe_viz.errors import ModelError
from moe_viz.model.routers.families import ARGUMENTS, Family, family_of
from moe_viz.model.routers.moe_blocks import CHOICES_PER_TOKEN, EXPERT_COUNTS, first_int, moe_block

LAYER = re.compile(r"\b(?:layers|blocks|block|h)\.(\d+)")
_FUNCTIONS = get_args(get_type_hints(Scoring)["function"])


@dataclass(frozen=True)
class Router:
    """One MoE block's router and experts, and what is known of them before any forward pass."""

    site: RouterSite
    router: nn.Module
    experts: nn.Module
    logits: nn.Module
    """The module that returns the logits: the router, or a part of it."""
    logits_index: int
    extractor: str
    """How its choices are read, by the name in `EXTRACTORS`."""
    batch_dependent: bool
    """Whether a token's routing may depend on the other tokens of its batch. In an unknown family it may."""
    notes: tuple[str, ...]
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
    known = family or Family(function=None)
    places = (router, block, config)
    site = RouterSite(
        name=name,
        layer=int(layer[1]) if layer else 0,
        num_experts=int(_attribute(known.num_experts, *places))
        if known.num_experts
        else _stated(EXPERT_COUNTS, experts, *places),
        top_k=known.fixed_top_k or _stated(CHOICES_PER_TOKEN, *places),
        stack="encoder" if two_stacks and "encoder" in name.split(".") else "decoder",
        scoring=_scoring(places, known),
        shared_experts=_count(known.shared_experts, *places),
        zero_experts=_count(known.zero_experts, *places),
        output_scale=_output_scale(places, known),
    )
    return Router(
        site,
        router,
        experts,
        getattr(router, known.logits_from) if known.logits_from else router,
        known.logits_index,
        known.extractor,
        family is None or bool(family.batch_dependent),
        _notes(site, family, config.model_type),
        _has(known.selection_bias, router, block) and not (site.scoring and site.scoring.by_token),
    )


def _notes(site: RouterSite, family: Family | None, model_type: str) -> tuple[str, ...]:
    """What readers of this router's numbers must know."""
    if family is None:
        return (f"{model_type} is not a recorded family: choices and weights are as used, scores unknown.",)
    notes = list(family.notes)
    if family.batch_dependent:
        notes.append(f"{family.batch_dependent}: a token can be routed otherwise among other tokens.")
    if site.output_scale != 1:
        notes.append(
            f"The sum over the chosen experts is multiplied by {site.output_scale:g} after their gating weights."
        )
    if family.output_normed:
        notes.append(
            "The sum over the experts passes a norm, so that a gating weight is a share of what enters the norm."
        )
    return tuple(notes)


def _attribute(name: str, *places: object) -> Any:
    """The attribute `name` of the first place that has it. Raises ModelError if none has."""
    read = attrgetter(name)
    for place in places:
        try:
            return read(place)
        except AttributeError:
            continue
    raise ModelError(f"an MoE block was found, but neither it nor its router or config has {name}")


def _has(name: str | None, *places: object) -> bool:
    try:
        return name is not None and _attribute(name, *places) is not None
    except ModelError:
        return False


def _count(value: int | str, *places: object) -> int:
    return value if isinstance(value, int) else int(_attribute(value, *places) or 0)


def _stated(names: tuple[str, ...], *places: object) -> int:
    value = first_int(names, *places)
    if value is None:
        raise ModelError(f"an MoE block was found, but nothing in it or its config says {' or '.join(names)}")
    return value


def _scoring(places: tuple[Any, ...], family: Family) -> Scoring | None:
    if family.function is None:
        return None
    function: Any = family.function if family.function in _FUNCTIONS else _attribute(family.function, *places)
    if function not in _FUNCTIONS:
        return None
    by_token = family.id_table is not None and hasattr(places[0], family.id_table)
    groups, kept = 1, 1
    if family.groups and (family.groups_if is None or _holds(family.groups_if, places)):
        groups, kept = (_count(name, *places) or 1 for name in family.groups)
    return Scoring(
        function=function,
        normalized=(family.softmax_of_chosen and function == "softmax") or _flag(family.normalized, places),
        scale=_factor(family.scale, places) / _factor(family.divisor, places),
        selection_bias=None if by_token else _each_expert(family.selection_bias, places),
        groups=groups,
        groups_kept=kept,
        group_top=family.group_top,
        outside_groups=family.outside_groups,
        bias_on_logits=family.bias_on_logits,
        expert_scale=_each_expert(family.expert_scale, places),
        shared_in_sum=family.shared_in_sum,
        by_token=by_token,
    )


def _flag(value: bool | str, places: tuple[Any, ...]) -> bool:
    return value if isinstance(value, bool) else bool(_attribute(value, *places))


def _factor(name: str | None, places: tuple[Any, ...]) -> float:
    return float(_attribute(name, *places)) if name else 1.0


def _each_expert(name: str | None, places: tuple[Any, ...]) -> tuple[float, ...] | None:
    """One number per expert; None if the model has none, or no weights yet. Offloaded ones are read where they wait."""
    if name is None:
        return None
    owner, _, own = name.rpartition(".")
    for place in places[:2]:
        holder = place.get_submodule(owner) if owner and hasattr(place, owner) else place
        with align_module_device(holder):
            values = getattr(holder, own, None)
            if values is not None:
                return None if values.is_meta else tuple(values.detach().float().flatten().tolist())
    return None


def _holds(condition: tuple[str, str], places: tuple[Any, ...]) -> bool:
    name, value = condition
    return bool(_attribute(name, *places) == value)


def _output_scale(places: tuple[Any, ...], family: Family) -> float:
    if family.output_halved_if and family.shared_experts and _holds(family.output_halved_if, places):
        return 0.5 if _count(family.shared_experts, *places) else 1.0
    if family.output_scale is None:
        return 1.0
    _router, block, _config = places
    return float(getattr(block, family.output_scale))
