"""Running a model over a corpus for its routing alone: no texts, no names, and one predicted token.

A trace says of every token what it is called and which five tokens were expected next. A corpus
run needs neither, and both take longer than the capture itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor

from moe_viz.data.arrays import TokenIds
from moe_viz.data.provenance import Provenance
from moe_viz.data.router_site import RouterSite
from moe_viz.data.routing import Routing
from moe_viz.model.routers.readings import to_host
from moe_viz.model.running.moe_model import MoEModel
from moe_viz.model.running.provenance import with_near_ties

PASS_TOKENS = 1024
"""At most this number of tokens, pads included, are read in one forward pass; a longer run is read alone."""


def routed_sites(model: MoEModel) -> tuple[RouterSite, ...]:
    """The routers that `read_routed` reads: of an encoder-decoder model, the encoder's."""
    return model.sites_of(model.sites[0].stack)


def routed_provenance(model: MoEModel) -> Provenance:
    """Where the routing comes from, with what a reader must know of texts that share a pass."""
    provenance = model.provenance()
    return with_near_ties(provenance, "Short texts were read together") if model.batches else provenance


def read_routed(model: MoEModel, windows: Sequence[TokenIds]) -> list[Routing]:
    """How `model` routes each run of token ids; runs of about one length share a forward pass.

    In float32 it is the same as alone, up to rounding. A model whose routing depends on the batch
    reads one run after the other. Raises CaptureError if a router was missed.
    """
    found: dict[int, Routing] = {}
    for rows in passes(model, windows):
        found |= zip(rows, _read_pass(model, [windows[row] for row in rows]), strict=True)
    return [found[row] for row in range(len(windows))]


def passes(model: MoEModel, windows: Sequence[TokenIds]) -> Iterator[list[int]]:
    """Which runs share a forward pass: the shortest first, up to `PASS_TOKENS` when padded to the longest."""
    lengths, most = [len(ids) for ids in windows], PASS_TOKENS if model.batches else 0
    rows: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if rows and (len(rows) + 1) * lengths[row] > most:
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def _read_pass(model: MoEModel, windows: Sequence[TokenIds]) -> list[Routing]:
    done = model.read(windows)
    routings = done.routing[model.sites[0].stack]
    if model.two_stacks or not model.generates:
        return routings
    return [
        routing._replace(predicted=predicted)
        for routing, predicted in zip(routings, _most_probable(done.logits), strict=True)
    ]


def _most_probable(logits: Sequence[Tensor]) -> list[TokenIds]:
    """The most probable next token after each, of each row `[token]`, from logits `[token vocabulary]`."""
    if logits[0].device.type == "cpu":  # where numpy's takes a tenth of the time of torch's
        return [row.argmax(axis=-1).astype(np.int32) for row in to_host(logits)]
    return [row.astype(np.int32) for row in to_host([row.argmax(dim=-1) for row in logits])]
