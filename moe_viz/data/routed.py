"""What a corpus run keeps of a forward pass: the routing, without what only a screen needs."""

from __future__ import annotations

from typing import NamedTuple

from moe_viz.data.trace import Flags, Floats, Ids, RoutingTrace, TokenIds


class Routed(NamedTuple):
    """One run of tokens through one stack of routers; the arrays mean what they mean in `RoutingTrace`."""

    token_ids: TokenIds
    """`[token]`"""
    generated: Flags
    """`[token]`"""
    expert_ids: Ids
    """`[site token slot]`"""
    gate_weights: Floats
    """`[site token slot]`"""
    router_logits: Floats | None
    """`[site token expert]`"""
    predicted: TokenIds | None
    """`[token]`: the most probable next token after each; None where the model gives none."""

    @classmethod
    def of(cls, trace: RoutingTrace) -> Routed:
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
