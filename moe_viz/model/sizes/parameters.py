"""Counting the weights of a mixture-of-experts model from its structure alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from torch import nn
from transformers import PreTrainedConfig

from moe_viz.errors import ModelError
from moe_viz.model.checkpoints.checks import skeleton
from moe_viz.model.checkpoints.resolve import find_config
from moe_viz.model.routers.families import family_of
from moe_viz.model.routers.moe_blocks import CHOICES_PER_TOKEN, EXPERT_COUNTS, MoEBlock, first_int, moe_block
from moe_viz.model.sizes.parameter_count import ParameterCount, RoutedBlock

_CHOICES = ("total_experts", "num_router_classes")
"""What models call the number of a router's choices, where some of these compute nothing."""
_SHARED = re.compile(r"shared_(expert|mlp)")
_ATTENTION = re.compile(r"(attn|attention)$", re.IGNORECASE)
_STACK = re.compile(r"(.+?)\.\d+(?=\.|$)")


def count_parameters(source: Any, *, revision: str | None = None) -> ParameterCount:
    """Count the weights of a mixture-of-experts model, without downloading or allocating any.

    source: "demo", a local folder, a hub id (only its config is fetched), a transformers config, the
        values of a config as a mapping with its model_type, or a model that is loaded already.
    revision: of a hub model, the branch, tag or commit; by default its main branch.

    Raises ModelError if `source` is none of these, or has no routed experts that can be counted.

    >>> import moe_viz
    >>> count = moe_viz.count_parameters("demo")
    >>> f"{count.total:,} in all, {count.active:,} per token"
    '12,874,560 in all, 3,584,832 per token'
    """
    source = find_config(getattr(source, "hf_model", source), revision)
    if getattr(source, "is_quantized", False):
        source = source.config  # quantized tensors do not tell how many weights they hold
    if isinstance(source, PreTrainedConfig):
        source = skeleton(source, source.name_or_path or "this config")
    if not isinstance(source, nn.Module) or not hasattr(source, "config"):
        raise ModelError(
            f"the parameters of a {type(source).__name__} cannot be counted: expected a hub id, a local folder,"
            " a transformers config or a transformers model"
        )
    count = count_built(source)
    if not count.blocks:
        raise ModelError(
            f"this {count.family} model has no routed experts that can be counted: it is dense, or its"
            " experts are built in a way that is not known here; choose a mixture-of-experts model"
        )
    return count


def parts_of(model: Any) -> tuple[dict[nn.Parameter, str], list[RoutedBlock]]:
    """The part of a model that each weight belongs to, by the names in `ParameterCount`, and the routed blocks."""
    head = model.get_output_embeddings()
    blocks: list[RoutedBlock] = []
    parts: dict[str, str] = {}  # of each module, by path; a child's, once settled by its block, stands already
    seen: dict[nn.Parameter, str] = {}
    for name, module in model.named_modules():
        parent, _, own = name.rpartition(".")
        part = parts.setdefault(name, _part(own, module, parts[parent]) if name else "other")
        if module is head:
            part = "output_head"
        found = moe_block(module) if part != "routed" else None
        if found is not None:
            path = f"{name}." if name else ""
            parts[path + found.router] = "routers"
            parts.update(dict.fromkeys((path + child for child in found.experts), "routed"))
            blocks.append(_routed_block(name, module, found, model.config))
        for parameter in module.parameters(recurse=False):
            seen.setdefault(parameter, part)
    return seen, blocks


def count_built(model: Any) -> ParameterCount:
    """Count a transformers model that is built, with or without weights. A dense model has no blocks."""
    head = model.get_output_embeddings()
    seen, blocks = parts_of(model)
    sizes: Counter[str] = Counter()
    for parameter, part in seen.items():
        sizes[part] += parameter.numel()
    sizes["routed"] = sum(block.parameters for block in blocks)
    return ParameterCount(
        family=model.config.model_type,
        blocks=tuple(blocks),
        stacks=_stacks(model, blocks),
        routed=sizes["routed"],
        shared=sizes["shared"],
        routers=sizes["routers"],
        attention=sizes["attention"],
        embeddings=sizes["embeddings"],
        output_head=sizes["output_head"],
        other=sizes["other"],
        tied=0 if head is None else sum(p.numel() for p in head.parameters() if seen[p] == "embeddings"),
    )


def _part(own: str, module: nn.Module, parent: str) -> str:
    """The part that a module called `own` belongs to, when its parent belongs to the part `parent`."""
    if parent in ("routed", "routers", "shared"):
        return parent
    if _SHARED.match(own):
        return "shared"
    if _ATTENTION.search(own) or _is_attention(module):
        return "attention"
    if isinstance(module, nn.Embedding) and parent != "attention":  # positions relative to another are attention's
        return "embeddings"
    return parent


def _is_attention(module: nn.Module) -> bool:
    """Whether its class is called attention, and those of its children are not."""

    def called_so(one: nn.Module) -> bool:
        return type(one).__name__.endswith("Attention")

    return called_so(module) and not any(map(called_so, module.children()))


def _routed_block(name: str, block: nn.Module, found: MoEBlock, config: Any) -> RoutedBlock:
    holders = [block.get_submodule(child) for child in found.experts]
    router = block.get_submodule(found.router)
    family = family_of(config.model_type)
    count = first_int(EXPERT_COUNTS, *holders, router, block, config)
    top_k = (family and family.fixed_top_k) or first_int(CHOICES_PER_TOKEN, router, block, config.get_text_config())
    if count is None or top_k is None:
        raise ModelError(
            f"{name} has routed experts, but nothing in it or its config says"
            f" {'how many there are' if count is None else 'how many a token uses'} (as"
            f" {', '.join(EXPERT_COUNTS if count is None else CHOICES_PER_TOKEN)}): its family needs a record of its"
            " own"
        )
    choices = first_int(_CHOICES, *holders, router) or count
    layer = _STACK.match(name)
    return RoutedBlock(
        name=name,
        layer=layer[0] if layer else name,
        experts=count,
        zero_experts=choices - count,
        top_k=top_k,
        parameters=sum(_held(p, count, choices) for holder in holders for p in holder.parameters()),
    )


def _held(parameter: nn.Parameter, experts: int, choices: int) -> int:
    """The weights of a tensor, less the rows for choices that compute nothing, which some models allocate."""
    return parameter.numel() * experts // choices if parameter.shape[:1] == (choices,) else parameter.numel()


def _stacks(model: Any, blocks: Iterable[RoutedBlock]) -> tuple[tuple[str, int], ...]:
    paths = dict.fromkeys(stack[1] for block in blocks if (stack := _STACK.match(block.name)))
    if not blocks:
        depth = model.config.get_text_config().num_hidden_layers
        lists = ((name, module) for name, module in model.named_modules() if isinstance(module, nn.ModuleList))
        paths = dict.fromkeys(name for name, module in lists if len(module) == depth)
    return tuple((path, len(list(model.get_submodule(path).children()))) for path in paths)
