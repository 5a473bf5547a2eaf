"""What one stack of routers did with some tokens: the arrays from which traces and profiles are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from moe_viz.data.arrays import Flags, Floats, Ids, TokenIds
from moe_viz.data.trace import RoutingTrace


class Routing(NamedTuple):
    """Some tokens of one stream, and what one stack of routers did with them.

    The arrays mean what they mean in `RoutingTrace`, which adds what the tokens are called, what
    the routers are, and where the numbers come from.
    """

    token_ids: TokenIds
    """`[token]`"""
    generated: Flags
    """`[token]`"""
    expert_ids: Ids
    """`[site token slot]`"""
    gate_weights: Floats
    """`[site token slot]`"""
    router_logits: Floats | None
    """`[site token expert]`; None where the source cannot give them."""
    predicted: TokenIds | None = None
    """`[token]`: the most probable next token after each; None where it is not known."""

    @classmethod
    def of(cls, trace: RoutingTrace) -> Routing:
        """The routing in a trace."""
        following = trace.next_tokens
        return cls(
            trace.token_ids,
            trace.generated,
            trace.expert_ids,
            trace.gate_weights,
            trace.router_logits,
            None if following is None else following.token_ids[:, 0],
        )

    @classmethod
    def joined(cls, parts: Sequence[Routing]) -> Routing:
        """The routing of tokens that were read one part after the other."""
        logits = [part.router_logits for part in parts if part.router_logits is not None]
        predicted = [part.predicted for part in parts if part.predicted is not None]
        return cls(
            np.concatenate([part.token_ids for part in parts]),
            np.concatenate([part.generated for part in parts]),
            np.concatenate([part.expert_ids for part in parts], axis=1),
            np.concatenate([part.gate_weights for part in parts], axis=1),
            np.concatenate(logits, axis=1) if len(logits) == len(parts) else None,
            np.concatenate(predicted) if len(predicted) == len(parts) else None,
        )

    def tokens(self, chosen: slice) -> Routing:
        """Some of the tokens."""
        return Routing(
            self.token_ids[chosen],
            self.generated[chosen],
            self.expert_ids[:, chosen],
            self.gate_weights[:, chosen],
            None if self.router_logits is None else self.router_logits[:, chosen],
            None if self.predicted is None else self.predicted[chosen],
        )
