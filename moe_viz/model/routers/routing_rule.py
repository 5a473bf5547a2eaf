"""The rule of one router: where each part of it stands in the model, and what it is now.

Nothing of it is kept. Top-k, biases, factors and groups are attributes that a person may change
at any time, and a trace says what they were in its own pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, get_args, get_type_hints

from accelerate.utils import align_module_device
from torch import Tensor, nn

from moe_viz.data.router_site import RouterSite, Scoring, Stack
from moe_viz.errors import ModelError
from moe_viz.model.routers.families import Family
from moe_viz.model.routers.moe_blocks import CHOICES_PER_TOKEN, EXPERT_COUNTS, first_int

_FUNCTIONS = get_args(get_type_hints(Scoring)["function"])


@dataclass(frozen=True)
class RoutingRule:
    """What a family's record says of one router, with the places in the model where its values stand."""

    name: str
    layer: int
    stack: Stack
    """These three as in `RouterSite`."""
    experts: nn.Module
    places: tuple[nn.Module, nn.Module, Any]
    """The router, its block and the config: a value is that of the first which has it."""
    family: Family | None
    disproven: bool = False
    """Whether the self-test found that the model does not route as recorded."""

    @cached_property
    def known(self) -> Family:
        """The record; an empty one where there is none."""
        return self.family or Family(function=None)

    def site(self) -> RouterSite:
        """The router as it is now. Raises ModelError if a value is not found."""
        known, places = self.known, self.places
        return RouterSite(
            name=self.name,
            layer=self.layer,
            num_experts=int(_attribute(known.num_experts, *places))
            if known.num_experts
            else _stated(EXPERT_COUNTS, self.experts, *places),
            top_k=self.top_k(),
            stack=self.stack,
            scoring=None if self.disproven else _scoring(places, known),
            shared_experts=_count(known.shared_experts, *places),
            zero_experts=_count(known.zero_experts, *places),
            output_scale=_output_scale(places, known),
        )

    def top_k(self) -> int:
        """The number of experts per token, as stated now."""
        return self.known.fixed_top_k or _stated(CHOICES_PER_TOKEN, *self.places)

    @property
    def has_selection_bias(self) -> bool:
        """Whether a bias joins the choice, even where its values are not known, as in a model without weights."""
        bias = self.known.selection_bias
        return bias is not None and any(getattr(*found, None) is not None for found in _holders(bias, self.places))

    def values(self) -> tuple[Any, ...]:
        """Every plain value that `site` depends on. While these and `tensors` stay, so does the site."""
        return tuple([own[name] if name in own else getattr(place, name, None) for own, place, name in self._sources])

    def tensors(self) -> list[Tensor]:
        """Every tensor that `site` depends on, one number per expert."""
        names = (self.known.selection_bias, self.known.expert_scale)
        found = (getattr(*holder, None) for name in names if name for holder in _holders(name, self.places))
        return [tensor.detach() for tensor in found if tensor is not None]

    def notes(self, site: RouterSite) -> tuple[str, ...]:
        """What readers of this router's numbers must know; `site` is the router as it was."""
        if self.family is None:
            model_type = self.places[2].model_type
            return (f"{model_type} is not a recorded family: choices and weights are as used, scores unknown.",)
        notes = list(self.family.notes)
        if self.family.batch_dependent:
            notes.append(
                f"{self.family.batch_dependent}: the other tokens of a forward pass can change how a token is routed."
            )
        if site.output_scale != 1:
            notes.append(
                f"The sum over the chosen experts is multiplied by {site.output_scale:g} after their gating weights."
            )
        if self.family.output_normed:
            notes.append(
                "The sum over the experts passes a norm, so that a gating weight is a share of what enters the norm."
            )
        return tuple(notes)

    @cached_property
    def _sources(self) -> list[tuple[dict[str, Any], object, str]]:
        """Where the values stand: the attributes of a place, the place, and the name.

        Of a config, attributes are many times faster to read by the name that it keeps them under.
        """
        known, places = self.known, self.places
        words: list[object] = [known.function, known.normalized, known.scale, known.divisor, known.num_experts]
        words += [known.output_scale, known.shared_experts, known.zero_experts, *(known.groups or ())]
        words += [condition[0] for condition in (known.groups_if, known.output_halved_if) if condition]
        found = [(place, word) for word in words if isinstance(word, str) for place in places if hasattr(place, word)]
        counts = ((CHOICES_PER_TOKEN, places), (EXPERT_COUNTS, (self.experts, *places)))
        found += [(place, name) for names, of in counts for place in of for name in names if hasattr(place, name)]
        return [
            (vars(place), place, getattr(type(place), "attribute_map", {}).get(name, name)) for place, name in found
        ]


def _attribute(name: str, *places: object) -> Any:
    """The attribute `name` of the first place that has it. Raises ModelError if none has."""
    read = attrgetter(name)
    for place in places:
        try:
            return read(place)
        except AttributeError:
            continue
    raise ModelError(f"an MoE block was found, but neither it nor its router or config has {name}")


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


def _holders(name: str, places: tuple[Any, ...]) -> Iterator[tuple[nn.Module, str]]:
    """The router and its block, or their child that the name leads to, with the rest of the name."""
    owner, _, own = name.rpartition(".")
    for place in places[:2]:
        yield place.get_submodule(owner) if owner and hasattr(place, owner) else place, own


def _each_expert(name: str | None, places: tuple[Any, ...]) -> tuple[float, ...] | None:
    """One number per expert; None if the model has none, or no weights yet. Offloaded ones are read where they wait."""
    for holder, own in _holders(name, places) if name else ():
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
