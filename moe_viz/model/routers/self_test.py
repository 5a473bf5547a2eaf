"""Whether a model routes as its family's record says: a few tokens are read once at every router.

What the recorded rule gives comes from `moe_viz.data.scores` alone, so that the test holds for
the scores that the pages show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.arrays import NO_EXPERT, Floats, Ids
from moe_viz.data.router_site import RouterSite, Scoring, Stack
from moe_viz.data.routing import Routing
from moe_viz.data.scores import gating_weights_from_scores, router_scores, selection_scores
from moe_viz.errors import MoeVizError
from moe_viz.model.routers.discover import Router

Array = NDArray[np.float64]

TOKENS = 16
"""The number of tokens that a model is tested with."""
_TOLERANCE = {"float32": 1e-4, "float64": 1e-4}
_TOLERANCE_HALF = 0.03
"""In 16 bits a number is rounded by up to 1/256, and a gating weight depends on several numbers."""
_ROUNDED_OFF = 1e-6
"""A score below this is lost in 16 bits."""
_SMALLEST_SUM = 0.01
"""Models add a little to the sum that they divide by, to avoid a division by 0. Below this sum it is not little."""


@dataclass(frozen=True)
class Failure:
    """A router that does not do what its record says."""

    site: str
    """Path of its block."""
    said: str
    """What was seen, and what was expected."""


@dataclass(frozen=True)
class SelfTest:
    """The outcome of reading a few tokens with a model just loaded."""

    tokens: int
    sites: int
    """Routers that were checked: all, or none if the tokens could not be read."""
    scored: int
    """How many of them have a recorded scoring, whose weights and choices were worked out again."""
    failures: tuple[Failure, ...] = ()
    stopped: str | None = None
    """Why the tokens could not be read at all."""

    @property
    def passed(self) -> bool:
        """Whether all that a trace promises was seen to hold."""
        return self.stopped is None and not self.failures

    @property
    def sentence(self) -> str:
        """The outcome in words."""
        if self.stopped is not None:
            return f"The self-test could not run: {self.stopped}"
        if self.failures:
            first = self.failures[0]
            return (
                f"The self-test failed at {len(self.failures)} of {self.sites} routers ({first.site}: {first.said}):"
                " the recorded scoring does not hold there, and logits are shown in place of scores."
            )
        read = f"The self-test passed: {self.tokens} tokens were read once at each of {self.sites} routers"
        if not self.scored:
            return f"{read}; no scoring is recorded that could be worked out again."
        return (
            f"{read}; at {self.scored} of them the gating weights and choices were worked out again from the logits by"
            " the recorded rule, and the same."
        )


def self_test(
    sites: Sequence[RouterSite],
    dtype: str,
    token_ids: Sequence[int],
    read: Callable[[Sequence[int]], Mapping[Stack, Routing]],
) -> SelfTest:
    """Read a few tokens with a model and hold each router to its record.

    Every router must be read once, the experts of a token must be distinct, and its choices and
    gating weights must be those that the recorded scoring makes of its logits, near-ties and
    rounding aside. Not checked: choices that are looked up by token, and those of tokens that lost
    an expert to its capacity. Never raises: what goes wrong is the outcome.

    sites: all of the model's routers.
    dtype: what the model computes in, by torch's name for it; it sets the tolerance.
    token_ids: the tokens to read.
    read: what each stack's routers do with the tokens, from one forward pass.
    """
    count = len(token_ids)
    try:
        done = read(token_ids)
    except MoeVizError as error:
        return SelfTest(count, 0, 0, stopped=str(error))
    except Exception as error:  # noqa: BLE001 - whatever a forward pass raises is the outcome
        return SelfTest(count, 0, 0, stopped=f"the model failed on {count} tokens ({error})")
    tolerance = _TOLERANCE.get(dtype, _TOLERANCE_HALF)
    failures = []
    for stack, routing in done.items():
        assert routing.router_logits is not None  # a capture always reads them
        of_stack = [site for site in sites if site.stack == stack]
        parts = zip(of_stack, routing.expert_ids, routing.gate_weights, routing.router_logits, strict=True)
        failures += [failure for part in parts if (failure := _failure(*part, tolerance))]
    scored = sum(site.scoring is not None for site in sites)
    return SelfTest(count, len(sites), scored, tuple(failures))


def without_disproven(routers: tuple[Router, ...], outcome: SelfTest) -> tuple[Router, ...]:
    """The routers, those that failed without their scoring: what it says of them is wrong."""
    failed = {failure.site for failure in outcome.failures}
    return tuple(
        replace(router, site=replace(router.site, scoring=None), rule=replace(router.rule, disproven=True))
        if router.site.name in failed
        else router
        for router in routers
    )


def _failure(site: RouterSite, ids: Ids, weights: Floats, logits: Floats, tolerance: float) -> Failure | None:
    """What one router did wrong: its choices and weights `[token slot]`, its logits `[token expert]`."""
    ids, weights, logits = ids[:, : site.top_k], weights[:, : site.top_k], logits[:, : site.num_experts]
    said = _impossible(site, ids, weights) or _unlike_record(site, logits, ids, weights.astype(np.float64), tolerance)
    return Failure(site.name, said) if said else None


def _impossible(site: RouterSite, ids: Ids, weights: Floats) -> str | None:
    if ids.min() < NO_EXPERT or ids.max() >= site.num_experts:
        return f"experts {ids.min()} to {ids.max()} were chosen, of {site.num_experts}"
    if not np.isfinite(weights).all():
        return "a gating weight is not finite"
    ordered = np.sort(ids, axis=-1)
    twice = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != NO_EXPERT)).any(axis=-1)
    return f"{twice.sum()} of {len(ids)} tokens chose an expert twice" if twice.any() else None


def _unlike_record(site: RouterSite, logits: Floats, ids: Ids, weights: Array, tolerance: float) -> str | None:
    """What contradicts the recorded scoring; None if nothing does, or there is none."""
    scores = router_scores(logits, site.scoring)
    if scores is None or site.scoring is None:
        return None
    again = gating_weights_from_scores(scores, ids, site.scoring)
    if site.scoring.shared_in_sum:
        again, weights = _shares(again), _shares(weights)
    off = np.abs(again - weights)
    off[_divisor(scores, ids, site.scoring) < _SMALLEST_SUM] = 0
    wrong = (off > tolerance * np.abs(weights).max(axis=-1, keepdims=True) + _ROUNDED_OFF).any(axis=-1)
    if wrong.any():
        token, slot = np.unravel_index(off.argmax(), off.shape)
        return (
            f"{wrong.sum()} of {len(ids)} tokens have other gating weights than its scoring gives, such as"
            f" {weights[token, slot]:.4g}, expected {again[token, slot]:.4g}"
        )
    better = 0 if site.scoring.by_token else _better_left_out(scores, ids, site.scoring, tolerance)
    return f"{better} of {len(ids)} tokens chose other experts than its scoring ranks best" if better else None


def _divisor(scores: Array, ids: Ids, scoring: Scoring) -> Array:
    """What each token's weights are divided by, `[token]`; infinite where they are not."""
    if not scoring.normalized:
        return np.full(len(ids), np.inf)
    plain = replace(scoring, normalized=False, scale=1.0, expert_scale=None)
    return gating_weights_from_scores(scores, ids, plain).sum(axis=-1)


def _shares(weights: Array) -> Array:
    total = weights.sum(axis=-1, keepdims=True)
    return np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)


def _better_left_out(scores: Array, ids: Ids, scoring: Scoring, tolerance: float) -> int:
    """How many tokens left out an expert that counts for more than one they chose, beyond rounding.

    Only tokens that have an expert in every slot. All is compared as an interval, the smallest
    and the largest that a number may have been before rounding.
    """
    full = (ids != NO_EXPERT).all(axis=-1)
    wanted = selection_scores(scores[full], scoring)
    bias = np.zeros(scores.shape[-1]) if scoring.selection_bias is None else np.asarray(scoring.selection_bias)
    slack = tolerance * (np.abs(wanted) + np.abs(bias)) + _ROUNDED_OFF
    low, high = _within_groups(wanted - slack, wanted + slack, scoring)
    chosen = np.zeros(wanted.shape, dtype=np.bool_)
    np.put_along_axis(chosen, ids[full].astype(np.intp), True, axis=-1)
    worst = np.where(chosen, high, np.inf).min(axis=-1)
    best_left = np.where(chosen, -np.inf, low).max(axis=-1)
    return int((worst < best_left).sum())


def _within_groups(low: Array, high: Array, scoring: Scoring) -> tuple[Array, Array]:
    """The same bounds, where the scoring keeps the best groups only; both ways where that is a near-tie."""
    if scoring.groups == 1:
        return low, high
    least, most = (_worth(bound, scoring) for bound in (low, high))
    others = ~np.eye(scoring.groups, dtype=np.bool_)
    surely_in = ((most[:, None, :] >= least[:, :, None]) & others).sum(axis=-1) < scoring.groups_kept
    maybe_in = ((least[:, None, :] > most[:, :, None]) & others).sum(axis=-1) < scoring.groups_kept
    outside = -np.inf if scoring.outside_groups is None else scoring.outside_groups
    size = low.shape[-1] // scoring.groups
    surely_in, maybe_in = (np.repeat(groups, size, axis=-1) for groups in (surely_in, maybe_in))
    return (
        np.where(surely_in, low, np.where(maybe_in, np.minimum(low, outside), outside)),
        np.where(surely_in, high, np.where(maybe_in, np.maximum(high, outside), outside)),
    )


def _worth(bound: Array, scoring: Scoring) -> Array:
    """What each group counts for, `[token group]`."""
    groups = bound.reshape(len(bound), scoring.groups, -1)
    return np.sort(groups, axis=-1)[..., -scoring.group_top :].sum(axis=-1)
