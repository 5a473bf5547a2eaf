"""A model's layers as tables and in words: which layers have routers, how many experts, and which rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import pandas as pd

from moe_viz.data.router_site import RouterSite
from moe_viz.metrics.rule import rule_words

DENSE = "no router: every token uses all of it"


def topology_table(
    sites: Sequence[RouterSite], biased: Sequence[bool], stacks: Iterable[tuple[str, int]]
) -> pd.DataFrame:
    """Every layer in order: one row per router, and one row for each layer without a router.

    `biased` `[site]`: whether a bias takes part in the choice. `stacks`: each stack of layers by its path in
    the model, and its number of layers. Columns: stack ("encoder" or "decoder"; the path if several
    stacks have the same name), layer, part (the path within the layer), routed (whether there is a router),
    experts (including those that compute nothing), top_k, shared_experts, zero_experts, groups,
    groups_kept, rule (from logits to gating weights), words (the whole row). Without a router the
    counts are 0 and the texts but `words` empty.
    """
    stacks = tuple(stacks)
    rows = []
    for path, layers in stacks:
        within = [(site, bias) for site, bias in zip(sites, biased, strict=True) if site.name.startswith(f"{path}.")]
        name = within[0][0].stack if within else "decoder"
        several = sum(any(s.stack == name for s in sites if s.name.startswith(f"{other}.")) for other, _ in stacks) > 1
        for layer in range(layers):
            here = [(site, bias) for site, bias in within if site.layer == layer]
            for site, bias in here:
                rows.append(_routed(path if several else name, _part(site, path), site, bias))
            if not here:
                rows.append((path if several else name, layer, "", False, 0, 0, 0, 0, 0, 0, "", DENSE))
    columns = ("stack", "layer", "part", "routed", "experts", "top_k", "shared_experts", "zero_experts")
    return pd.DataFrame(rows, columns=[*columns, "groups", "groups_kept", "rule", "words"])


def _routed(stack: str, part: str, site: RouterSite, biased: bool) -> tuple[object, ...]:
    groups = (site.scoring.groups, site.scoring.groups_kept) if site.scoring else (0, 0)
    counts = (site.num_experts, site.top_k, site.shared_experts, site.zero_experts, *groups)
    return (stack, site.layer, part, True, *counts, rule_words(site, biased), _size_words(site))


def _part(site: RouterSite, path: str) -> str:
    """Where the router is within its layer: `mlp` for `model.layers.3.mlp`."""
    return site.name.removeprefix(f"{path}.").partition(".")[2]


def _size_words(site: RouterSite) -> str:
    real = site.num_experts - site.zero_experts
    words = f"{real:,} experts, {site.top_k} per token"
    if site.zero_experts:
        words = f"{real:,} experts and {site.zero_experts:,} that compute nothing, {site.top_k} per token"
    if site.shared_experts:
        words += f", {site.shared_experts} shared by all"
    return words


def kinds_of_layer(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a `topology_table`, with rows merged that differ only in their layer.

    Columns: stack, part, layers (in words), count, routed, words, rule.
    """
    same = [column for column in table if column != "layer"]
    described = ["stack", "part", "routed", "words", "rule"]
    rows = [
        {
            **rows.iloc[0][described],
            "layers": span(rows["layer"]),
            "count": len(rows),
        }
        for _, rows in table.groupby(same, sort=False)
    ]
    return pd.DataFrame(rows, columns=["stack", "part", "layers", "count", "routed", "words", "rule"])


def span(layers: Iterable[int]) -> str:
    """Ascending numbers of layers in words: `0–2, 7`, or `1, 3, … 31` for even steps."""
    numbers = [int(layer) for layer in layers]
    steps = {b - a for a, b in pairwise(numbers)}
    if len(numbers) > 3 and len(steps) == 1 and steps != {1}:
        return f"{numbers[0]}, {numbers[1]}, … {numbers[-1]}"
    return ", ".join(f"{first}–{last}" if last > first else str(first) for first, last in _runs(numbers))


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """First and last number of each stretch without a gap."""
    start = 0
    for i in range(1, len(numbers) + 1):
        if i == len(numbers) or numbers[i] != numbers[i - 1] + 1:
            yield numbers[start], numbers[i - 1]
            start = i
