"""What routers did, from the tensors that were read to the arrays of a trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from moe_viz.data.trace import NO_EXPERT, RouterSite
from moe_viz.errors import ModelError
from moe_viz.model.routers.capture import Capture, to_host
from moe_viz.model.routers.extractors import Reading


class Routing(NamedTuple):
    """The choices of one stack's routers over some tokens: the arrays of a `RoutingTrace`."""

    expert_ids: NDArray[np.int16]
    """`[site token slot]`"""
    gate_weights: NDArray[np.float32]
    """`[site token slot]`"""
    router_logits: NDArray[np.float32]
    """`[site token expert]`"""

    def tokens(self, start: int, count: int) -> Routing:
        """Some of the tokens."""
        chosen = slice(start, start + count)
        return Routing(self.expert_ids[:, chosen], self.gate_weights[:, chosen], self.router_logits[:, chosen])


def routing_of(sites: Sequence[RouterSite], readings: Sequence[Reading], tokens: int) -> Routing:
    """What one forward pass over `tokens` tokens did at `sites`.

    Raises CaptureError if a router was not read once for each token.
    """
    Capture.check(sites, readings, tokens)
    slots = max(site.top_k for site in sites)
    experts = max(site.num_experts for site in sites)
    return Routing(
        _stacked([r.ids[0] for r in readings], tokens, slots, NO_EXPERT).astype(np.int16),
        _stacked([r.weights[0] for r in readings], tokens, slots, 0.0),
        _stacked([r.logits[0] for r in readings], tokens, experts, np.nan),
    )


def _stacked(tensors: list[Tensor], tokens: int, width: int, missing: float) -> NDArray[Any]:
    """`[site token width]` from one `[token n]` or `[batch token n]` a site, n at most `width`."""
    arrays = [a.reshape(tokens, -1) for a in to_host(tensors)]
    if any(a.shape[1] > width for a in arrays):
        raise ModelError(f"a router gave {max(a.shape[1] for a in arrays)} values a token, expected {width}")
    stacked = np.full((len(arrays), tokens, width), missing, dtype=arrays[0].dtype)
    for row, array in zip(stacked, arrays, strict=True):
        row[:, : array.shape[1]] = array
    return stacked
