"""What is special in each MoE family, as data: one file per family, named by its `model_type`.

A router and its experts are found by their structure (see `discover`). A family's file adds what
structure does not show. To support a family better, add a file with a `FAMILY` in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

CAPACITY = "An expert takes a limited number of tokens per pass"
SPARSE_ATTENTION = "Among tokens with equal scores, its sparse attention keeps some by their number and place"
"""Scores are often equal: a rectifier makes many of them exactly 0."""
ARGUMENTS = "arguments"
"""The name of the usual extractor: the experts are called with (hidden states, chosen experts, weights)."""


@dataclass(frozen=True)
class Family:
    """How the routers of one architecture score, choose, and call their experts.

    Where a field holds a string, this is the name of the attribute that the model itself reads. It is
    looked for on the router, its block and the config, in this order; a dot leads to a child.
    `Scoring` and `RouterSite` in `moe_viz.data.trace` say what the values mean.
    """

    function: str | None
    """"softmax", "sigmoid", "sqrtsoftplus", or the attribute that holds one of these. None: the
    weights do not follow from one score per expert."""
    normalized: bool | str = False
    softmax_of_chosen: bool = False
    """A softmax is taken over the chosen logits, so that they are normalized whatever `normalized` says."""
    scale: str | None = None
    divisor: str | None = None
    """As `scale`, but the gating weights are divided by it."""
    selection_bias: str | None = None
    """The attribute may be missing from a model of the family: then the model has no bias."""
    bias_on_logits: bool = False
    expert_scale: str | None = None
    shared_in_sum: bool = False
    groups: tuple[str, str] | None = None
    """Attributes with the number of expert groups and of groups kept."""
    groups_if: tuple[str, str] | None = None
    """Groups are used only where this attribute has this value."""
    group_top: int = 2
    outside_groups: float | None = None
    id_table: str | None = None
    """Routers with this attribute look up their choice in it, by the token's id."""
    shared_experts: int | str = 0
    """How many experts every token uses beside the chosen ones: a number, or the attribute."""
    num_experts: str | None = None
    """The number of the router's outputs, where it is not the number of experts."""
    zero_experts: int | str = 0
    """How many of these outputs, the last ones, stand for no computation."""
    fixed_top_k: int | None = None
    """The number of experts per token, where the architecture fixes it."""
    output_scale: str | None = None
    output_halved_if: tuple[str, str] | None = None
    """The routed and the shared sum are averaged where this attribute has this value."""
    output_normed: bool = False
    """A norm follows the sum over the experts, within the block."""
    logits_from: str | None = None
    """The child of the router whose output is the logits."""
    logits_index: int = 0
    """Place of the router logits in the router's output."""
    extractor: str = ARGUMENTS
    """How choices and weights are read: a name in `moe_viz.model.routers.extractors.EXTRACTORS`."""
    ignored: tuple[str, ...] = ()
    """A block whose path has one of these parts is left out: no text reaches it."""
    batch_dependent: str = ""
    """Why a token's routing can depend on the other tokens of its forward pass; empty if it does not."""
    offloads: bool = True
    """Whether it computes correctly while parts of it wait in other memory and are moved in when needed."""
    notes: tuple[str, ...] = ()


def family_of(model_type: str) -> Family | None:
    """The record of `model_type`; None if there is none, and structure alone must do.

    The text tower of a multimodal model (`gemma4_text`) has the record of its family.
    """
    stem = model_type.replace("-", "_")
    for name in (stem, stem.removesuffix("_text")):
        module = f"{__name__}.{name}"
        if re.fullmatch(r"[a-z0-9_]+", name) and find_spec(module) is not None:
            family: Family = import_module(module).FAMILY
            return family
    return None
