"""The trace on a page, and what pages need of it repeatedly, worked out once.

pandas is imported where a table is made: before there is a trace, a page does without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from moe_viz.components import pack_routing_map
from moe_viz.components.routing_map.pack import AT_FIRST, Initial, expert_colours
from moe_viz.data.provenance import Provenance
from moe_viz.data.scores import Array, margin, router_entropy
from moe_viz.data.trace import RoutingTrace
from moe_viz.figures.theme import NEUTRAL, PALETTE

if TYPE_CHECKING:
    import pandas as pd

    from moe_viz.metrics.ordering import Order
    from moe_viz.profiles.expert_profile import ExpertProfile


@dataclass(frozen=True, eq=False)
class TraceView:
    """A trace and how it came to the page."""

    trace: RoutingTrace
    origin: Literal["measured", "opened", "recorded"]
    seconds: float | None
    """How long measuring it took, the queue included."""
    stream: str = ""
    """The same for every moment of a text that is being continued; empty for a trace that stands alone."""
    expected: int = 0
    """How many tokens it will have at most while it grows."""
    before: NDArray[np.uint8] | None = None
    """`colours` of the moment before, kept as far as they can be."""
    initial: Initial = AT_FIRST
    """What its map shows when it first appears."""

    @cached_property
    def payload(self) -> bytes:
        """The trace as the routing map reads it."""
        return pack_routing_map(
            self.trace,
            self.entropy,
            PALETTE,
            NEUTRAL,
            initial=self.initial,
            colours=self.colours,
            stream=self.stream,
            expected=self.expected,
        )

    @cached_property
    def colours(self) -> NDArray[np.uint8]:
        """Index into the palette, `[site expert]`, as the routing map uses it."""
        return expert_colours(self.trace, len(PALETTE), self.before)

    @cached_property
    def entropy(self) -> Array:
        """Of each router's distribution for each token, in nats, `[site token]`."""
        return router_entropy(self.trace)

    @cached_property
    def profile(self) -> ExpertProfile:
        """The text's choices, counted: what its tables are made of."""
        from moe_viz.profiles.expert_profile import ExpertProfile

        return ExpertProfile.of_choices(self.trace)

    @cached_property
    def layers(self) -> pd.DataFrame:
        """One row per router."""
        from moe_viz.metrics.tables import layer_table, router_means

        means = router_means(self.trace.sites, self.entropy, margin(self.trace))
        return layer_table(self.profile).assign(**means)

    @cached_property
    def experts(self) -> pd.DataFrame:
        """One row per expert."""
        from moe_viz.metrics.tables import expert_table

        return expert_table(self.profile)

    @cached_property
    def repetition(self) -> pd.DataFrame:
        """One row per router: how often neighbouring tokens go to the same experts."""
        from moe_viz.metrics.repetition import overall_repetition
        from moe_viz.metrics.tables import repetition_table

        return repetition_table(self.trace.sites, overall_repetition(self.profile))

    @cached_property
    def coactivation_order(self) -> Order:
        """Each site's experts, ordered so that experts that take the same tokens are side by side, `[site expert]`."""
        from moe_viz.metrics.ordering import coactivation_order

        return coactivation_order(self.profile)

    @cached_property
    def _trace_bytes(self) -> int:
        return bytes_of(self.trace)

    @property
    def bytes(self) -> int:
        """How much memory it takes, with what was worked out from it so far; the payload always counts."""
        worked_out = [value for name, value in list(vars(self).items()) if name != "trace"]  # others may add to it
        return self._trace_bytes + len(self.payload) + sum(map(bytes_of, worked_out))

    @property
    def provenance(self) -> str:
        """Where the numbers of every figure of this trace come from, on one line."""
        return origin_text(self.trace.provenance, len(self.trace.sites), how_it_came(self.origin))


def how_it_came(origin: str) -> str:
    """The words before the time of measuring."""
    return {"opened": "opened from a file; measured"}.get(origin, origin)


def origin_text(p: Provenance, routers: int, how: str) -> str:
    """Where numbers come from, on one line; `how` they came to the page."""
    revision = f" @ {p.revision[:12]}" if p.revision else ""
    counted = f"{routers} {'router' if routers == 1 else 'routers'}"
    when = p.created.replace("T", " ").replace("+00:00", " UTC")
    return f"{p.model}{revision} · {p.device} {p.dtype} · read at {counted} · {how} {when}"


def bytes_of(value: object) -> int:
    """Memory that a value takes: exact for arrays and tables, an estimate for texts."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, str):
        return 60 + len(value)
    if isinstance(value, Mapping):
        return sum(map(bytes_of, value.values()))
    if isinstance(value, tuple | list):
        return sum(map(bytes_of, value))
    if is_dataclass(value):
        return sum(bytes_of(getattr(value, field.name)) for field in fields(value))
    return int(value.memory_usage().sum()) if hasattr(value, "memory_usage") else 0
