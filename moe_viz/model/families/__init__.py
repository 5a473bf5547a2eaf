"""What is special in each MoE family, as data: one file a family, named by its `model_type`.

A router and its experts are found by their structure (see `discover`); a family's file adds
what structure cannot tell. To support a family better, add a file with a `FAMILY` in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Literal


@dataclass(frozen=True)
class Family:
    """How the routers of one architecture score, choose and hand over.

    Where a field holds a string it names the attribute, of the router module unless said
    otherwise, that the model itself reads.
    """

    function: Literal["softmax", "sigmoid"]
    normalized: bool | str
    scale: str | None = None
    selection_bias: str | None = None
    groups: tuple[str, str] | None = None
    """Attributes with the number of expert groups and of groups kept."""
    shared_experts: int | str = 0
    """How many experts every token uses beside the chosen: a number, or the config's attribute."""
    fixed_top_k: int | None = None
    """Where the architecture knows one k only."""
    logits_index: int = 0
    """Place of the router logits in the router's output."""
    one_hot_ids: bool = False
    """The experts receive `[token 1 expert]` one-hot rows; an empty row is a dropped token."""
    batch_dependent: bool = False
    """A token's routing can depend on the others in its batch (expert capacity)."""
    notes: tuple[str, ...] = ()


def family_of(model_type: str) -> Family | None:
    """The record of `model_type`, or None: then structure alone must do."""
    module = f"{__name__}.{model_type}"
    if not re.fullmatch(r"[a-z0-9_]+", model_type) or find_spec(module) is None:
        return None
    family: Family = import_module(module).FAMILY
    return family
