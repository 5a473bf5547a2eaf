"""Which experts of the router before an expert's tokens come from, and which of the next router they go to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from moe_viz.data.scores import Array
from moe_viz.metrics.coactivation import EXPECTED
from moe_viz.metrics.specialists import site_columns
from moe_viz.profiles.expert_profile import ExpertProfile

STEPS = {"before": -1, "after": 1}
"""The directions, and how many routers forward each one leads."""
NAMED = 10
"""At most this many experts of a neighbouring router are named one by one."""
LIFT = 1.5
"""A link counts as more than chance from this lift on, and as less than chance below 1 / LIFT."""
BRANCHES, WIDTH = 2, 6
"""A path follows at most `BRANCHES` links of an expert, through at most `WIDTH` experts of a router."""


def links(profile: ExpertProfile, site: int, experts: Sequence[int]) -> pd.DataFrame:
    """Where the tokens of some experts of a router come from and go to: one row per link, "before" first.

    Columns: direction, expert, taken (its tokens), site, name, layer (of the neighbouring router), other
    (its expert), tokens (that took both), share (tokens / taken: it sums to that router's top_k where
    no slot is empty), expected (tokens, if the choices of the two routers were independent:
    N_i N_j / N), lift (tokens / expected; NaN where fewer than `EXPECTED` are expected).
    """
    counts, tokens = profile.counts().sum(axis=0), profile.tokens.sum()
    parts = []
    for direction, step in STEPS.items():
        at = site + step
        if not 0 <= at < len(profile.sites):
            continue
        there = np.arange(profile.sites[at].num_experts)
        for expert in experts:
            both = _tokens_of_both(profile, site, expert, direction)
            own, expected = counts[site, expert], counts[site, expert] * counts[at, there] / tokens
            columns = {
                "direction": direction,
                "expert": expert,
                "taken": int(own),
                **site_columns(profile, np.full(len(there), at)),
                "other": there,
                "tokens": both.astype(np.int64),
                "share": both / own if own else np.nan,
                "expected": expected,
                "lift": _lift(both, expected),
            }
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["direction", "expert", "share"])


def even_share(profile: ExpertProfile, site: int) -> float:
    """The share of any expert's tokens that each expert of this router has under an even load: top_k / experts."""
    return profile.sites[site].top_k / profile.sites[site].num_experts


def by_strength(table: pd.DataFrame, even: float) -> pd.DataFrame:
    """The experts at the other end of `links` of one direction, the strongest first.

    Columns: other, tokens, share, lift (all three over the chosen experts together), named (whether the
    share is at least `even` and among the first `NAMED`).
    """
    taken = table.drop_duplicates("expert")["taken"].sum()
    summed = table.groupby("other", as_index=False)[["tokens", "expected"]].sum()
    summed = summed.sort_values("tokens", ascending=False, kind="stable", ignore_index=True)
    share = summed["tokens"] / taken if taken else summed["tokens"] * np.nan
    return pd.DataFrame(
        {
            "other": summed["other"],
            "tokens": summed["tokens"],
            "share": share,
            "lift": _lift(summed["tokens"].to_numpy(dtype=np.float64), summed["expected"].to_numpy()),
            "named": (share >= even) & (summed.index < NAMED),
        }
    )


class _Link(NamedTuple):
    direction: str
    steps: int
    near_site: int
    near: int
    far_site: int
    far: int
    share: float
    lift: float


def paths(profile: ExpertProfile, site: int, experts: Sequence[int]) -> pd.DataFrame:
    """The strongest links from router to router, from some experts in both directions to the ends of the model.

    From each expert that is reached, the paths follow the `BRANCHES` links with the largest share among
    those with a lift of `LIFT` or more. At each router, the `WIDTH` reached experts with the largest share
    are followed further. Columns: direction, steps (1: the link touches a chosen expert), near_site, near, far_site,
    far (experts; near is the end closer to the chosen ones), share (of the near expert's tokens that
    took the far one too), lift. Only links of 1 step count the chosen experts' own tokens. Links further
    away count all tokens of their near expert, wherever these come from.
    """
    counts, tokens = profile.counts().sum(axis=0), profile.tokens.sum()
    found: list[_Link] = []
    for direction, step in STEPS.items():
        at, reached = site, list(experts)
        while reached and 0 <= at + step < len(profile.sites):
            there = np.arange(profile.sites[at + step].num_experts)
            onward: list[_Link] = []
            for near in reached:
                both = _tokens_of_both(profile, at, near, direction)
                lift = _lift(both, counts[at, near] * counts[at + step, there] / tokens)
                strong = sorted(np.flatnonzero(lift >= LIFT), key=lambda far: -both[far])[:BRANCHES]
                onward += [
                    _Link(
                        direction,
                        abs(at + step - site),
                        at,
                        near,
                        at + step,
                        int(far),
                        float(both[far] / counts[at, near]),
                        float(lift[far]),
                    )
                    for far in strong
                ]
            best = pd.Series({link.far: link.share for link in sorted(onward, key=lambda link: link.share)})
            reached = [int(far) for far in best.sort_values(ascending=False, kind="stable").index[:WIDTH]]
            found += [link for link in onward if link.far in reached]
            at += step
    return pd.DataFrame(found, columns=_Link._fields)


def _tokens_of_both(profile: ExpertProfile, site: int, expert: int, direction: str) -> Array:
    """Tokens that took both the expert and each expert of the neighbouring router, `[expert]`."""
    if direction == "before":
        both = profile.transitions[site - 1, : profile.sites[site - 1].num_experts, expert]
    else:
        both = profile.transitions[site, expert, : profile.sites[site + 1].num_experts]
    return both.astype(np.float64)


def _lift(both: Array, expected: Array) -> Array:
    return np.divide(both, expected, out=np.full(both.shape, np.nan), where=expected >= EXPECTED)
