"""Whether the parts of a profile belong together: said once, for those made here and those read from files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moe_viz.errors import ProfileError
from moe_viz.profiles.token_table import TokenTable

if TYPE_CHECKING:
    from moe_viz.profiles.expert_profile import ExpertProfile

SIGNED = frozenset({"gate_units"})
"""Arrays that may be negative: some models have negative gating weights."""
TYPES: dict[str, type[np.generic]] = {
    "block_group": np.int32,
    "block_key": np.uint64,
    "block_selections": np.int32,
    "block_first": np.int32,
    "pooled": np.bool_,
}
"""Arrays whose numbers are not int64."""


def shapes(profile: ExpertProfile) -> dict[str, tuple[int, ...]]:
    """The shape that each array must have, by its field's name."""
    groups, sites, experts = len(profile.groups), len(profile.sites), profile.experts
    blocks, ranks = len(profile.block_key), max(site.top_k for site in profile.sites)
    return {
        "tokens": (groups,),
        "selections": (groups, sites, ranks, experts),
        "gate_units": (groups, sites, experts),
        "probability_units": (groups, sites, experts),
        "scored_tokens": (groups, sites),
        "square_units": (groups, sites),
        "neighbours": (groups, sites),
        "repeats": (groups, sites, 2),
        "pairs": (sites, experts, experts),
        "adjacent_pairs": (sites, experts, experts),
        "transitions": (sites - 1, experts, experts),
        "block_group": (blocks,),
        "block_key": (blocks,),
        "block_documents": (blocks,),
        "block_tokens": (blocks,),
        "block_selections": (blocks, sites, experts),
        "block_first": (blocks, sites, experts),
        "pooled": (groups,),
        "occurrences": (3, profile.occurrences.shape[-1]),
    }


def check(profile: ExpertProfile) -> None:
    """Raise ProfileError if the parts contradict each other."""
    if not profile.sites or not profile.groups or not profile.runs:
        raise ProfileError("a profile needs at least one router, one domain and one run")
    if any(site.num_experts < 1 or site.top_k < 1 for site in profile.sites):
        raise ProfileError("a router must have at least one expert, and choose at least one")
    if list(profile.groups) != sorted(set(profile.groups)):
        raise ProfileError("a profile's groups must be sorted, each once")
    for name, shape in shapes(profile).items():
        array, dtype = getattr(profile, name), TYPES.get(name, np.int64)
        if array.shape != shape or array.dtype != dtype:
            raise ProfileError(f"{name} is {array.dtype} {array.shape}, expected {np.dtype(dtype)} {shape}")
        if name not in SIGNED and array.dtype != np.bool_ and (array < 0).any():
            raise ProfileError(f"{name} has a count below 0")
    if (profile.tokens < 1).any():
        raise ProfileError("a domain has no token")
    _check_blocks(profile)
    cells = len(profile.sites) * profile.experts
    for name, table, width in (
        *((f"token_tables[{view}]", table, 2 * cells) for view, table in enumerate(profile.token_tables)),
        ("group_table", profile.group_table, len(profile.groups) * cells),
    ):
        _check_table(name, table, width, profile.occurrences.shape[1])
    if len(profile.token_tables) != len(profile.occurrences):
        raise ProfileError(f"{len(profile.token_tables)} token tables, expected {len(profile.occurrences)}")


def _check_blocks(profile: ExpertProfile) -> None:
    """Blocks lie in their groups' order, and add up to them."""
    group, key = profile.block_group, profile.block_key
    after = (np.diff(group) > 0) | ((np.diff(group) == 0) & (key[1:] > key[:-1]))
    if (group >= len(profile.groups)).any() or not after.all():
        raise ProfileError("the blocks must be sorted by group and key, each once")
    sums = np.bincount(group, weights=profile.block_tokens, minlength=len(profile.groups))
    if not np.array_equal(sums, profile.tokens):
        raise ProfileError("the blocks' tokens do not add up to the groups' tokens")
    for name, blocks, whole in (
        ("block_selections", profile.block_selections, profile.selections.sum(axis=(0, 2))),
        ("block_first", profile.block_first, profile.selections[:, :, 0].sum(axis=0)),
    ):
        if not np.array_equal(blocks.sum(axis=0, dtype=np.int64), whole):
            raise ProfileError(f"{name} does not add up to the selections")


def _check_table(name: str, table: TokenTable, cells: int, tokens: int) -> None:
    if len(table.missed) != cells:
        raise ProfileError(f"{name} has {len(table.missed)} cells, expected {cells}")
    if table.largest_token >= tokens:
        raise ProfileError(f"{name} has token {table.largest_token}, but only {tokens} are counted")
