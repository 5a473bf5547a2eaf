"""What is special in each MoE family, as data: one file a family, named by its `model_type`.

A router and its experts are found by their structure (see `discover`); a family's file adds
what structure cannot tell. To support a family better, add a file with a `FAMILY` in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

CAPACITY = "An expert takes so many tokens of a pass and no more"
SPARSE_ATTENTION = "Of tokens with one and the same score its sparse attention keeps some, by their number and place"
"""A rectifier makes many scores exactly 0."""
ARGUMENTS = "arguments"
"""The name of the usual extractor: the experts are called with (hidden states, chosen experts, weights)."""


@dataclass(frozen=True)
class Family:
    """How the routers of one architecture score, choose and hand over.

    Where a field holds a string it names the attribute that the model itself reads, looked
    for on the router, its block and the config, in this order; a dot leads to a child.
    `Scoring` and `RouterSite` in `moe_viz.data.trace` say what the values mean.
    """

    function: str | None
    """"softmax", "sigmoid", "sqrtsoftplus", or the attribute that names one of these. None: the
    weights are no function of one score an expert."""
    normalized: bool | str = False
    softmax_of_chosen: bool = False
    """A softmax is taken over the chosen logits, so that it is normalised whatever `normalized` says."""
    scale: str | None = None
    divisor: str | None = None
    """As `scale`, but dividing."""
    selection_bias: str | None = None
    """May be missing from a model of the family: then it has none."""
    bias_on_logits: bool = False
    expert_scale: str | None = None
    shared_in_sum: bool = False
    groups: tuple[str, str] | None = None
    """Attributes with the number of expert groups and of groups kept."""
    groups_if: tuple[str, str] | None = None
    """The groups count only where this attribute has this value."""
    group_top: int = 2
    outside_groups: float | None = None
    id_table: str | None = None
    """Routers that have this attribute look their choice up in it, by the token's id."""
    shared_experts: int | str = 0
    """How many experts every token uses beside the chosen: a number, or the attribute."""
    num_experts: str | None = None
    """The number of the router's outputs, where it is not that of the experts."""
    zero_experts: int | str = 0
    """How many of these, the last ones, stand for no computation."""
    fixed_top_k: int | None = None
    """Where the architecture knows one k only."""
    output_scale: str | None = None
    output_halved_if: tuple[str, str] | None = None
    """The routed and the shared sum are averaged where this attribute has this value."""
    output_normed: bool = False
    """The experts' sum passes a norm before it leaves the block."""
    logits_from: str | None = None
    """The child of the router whose output is the logits."""
    logits_index: int = 0
    """Place of the router logits in the router's output."""
    extractor: str = ARGUMENTS
    """How choices and weights are read: a name in `moe_viz.model.routers.extractors.EXTRACTORS`."""
    ignored: tuple[str, ...] = ()
    """Parts of a block's name that mark routers which no text reaches."""
    batch_dependent: str = ""
    """Why a token's routing can depend on what else is read in its forward pass; empty if it does not."""
    offloads: bool = True
    """It runs right while parts of it wait in other memory and are moved in for their forward."""
    notes: tuple[str, ...] = ()


def family_of(model_type: str) -> Family | None:
    """The record of `model_type`, or None: then structure alone must do.

    The text tower of a multimodal model (`gemma4_text`) has the record of its family.
    """
    stem = model_type.replace("-", "_")
    for name in (stem, stem.removesuffix("_text")):
        module = f"{__name__}.{name}"
        if re.fullmatch(r"[a-z0-9_]+", name) and find_spec(module) is not None:
            family: Family = import_module(module).FAMILY
            return family
    return None
