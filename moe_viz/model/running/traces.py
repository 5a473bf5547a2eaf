"""From the routing of some tokens to a trace of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from moe_viz.data.provenance import Provenance
from moe_viz.data.router_site import RouterSite, Stack
from moe_viz.data.routing import Routing
from moe_viz.data.trace import NextTokens, RoutingTrace
from moe_viz.model.running.tokens import Tokens


def trace_of(
    tokens: Tokens,
    routing: Routing,
    following: NextTokens | None,
    sites: tuple[RouterSite, ...],
    provenance: Provenance,
) -> RoutingTrace:
    """The trace of `tokens` through the routers at `sites`; `routing` is what these did with the same tokens."""
    return RoutingTrace(
        tokens=tokens.texts,
        token_names=tokens.names,
        token_ids=routing.token_ids,
        generated=routing.generated,
        sites=sites,
        expert_ids=routing.expert_ids,
        gate_weights=routing.gate_weights,
        router_logits=routing.router_logits,
        provenance=provenance,
        next_tokens=following,
    )


def traces_of(
    routing: Mapping[Stack, Sequence[Routing]],
    tokens: Mapping[Stack, Sequence[Tokens]],
    following: Sequence[NextTokens],
    sites: Mapping[Stack, tuple[RouterSite, ...]],
    provenance: Provenance,
) -> list[tuple[RoutingTrace, ...]]:
    """The traces of texts that were read in one pass, of each text one per stack.

    `following` is what the decoder expected after the tokens of each text; empty where that is not known.
    """
    of_stacks = []
    for stack, of_texts in routing.items():
        then: Iterable[NextTokens | None] = following if following and stack == "decoder" else [None] * len(of_texts)
        parts = zip(tokens[stack], of_texts, then, strict=True)
        of_stacks.append([trace_of(*part, sites[stack], provenance) for part in parts])
    return list(zip(*of_stacks, strict=True))
