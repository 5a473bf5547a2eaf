"""Running a model over a corpus for its routing alone: no texts, no names, no predictions but the first.

A trace says of every token what it is called and which five tokens were expected next; a corpus
run needs neither, and they take longer than the capture itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from moe_viz.model.capture import to_host
from moe_viz.model.moe_model import MoEModel
from moe_viz.model.tokens import Tokens
from moe_viz.routed import Routed
from moe_viz.trace import RouterSite, TokenIds


def routed_sites(model: MoEModel) -> tuple[RouterSite, ...]:
    """The routers that `read_routed` reads: of an encoder-decoder model, the encoder's."""
    return model.sites_of(model.sites[0].stack)


def read_routed(model: MoEModel, windows: Sequence[TokenIds]) -> list[Routed]:
    """How `model` routes each run of token ids, with one forward pass a run.

    Raises CaptureError if a router was missed.
    """
    if model.two_stacks:
        blank = [("",) * len(ids) for ids in windows]
        return [
            Routed.of(model.trace_tokens(Tokens(tuple(ids.tolist()), texts, texts))[0])
            for ids, texts in zip(windows, blank, strict=True)
        ]
    return [_routing(model, ids) for ids in windows]


def _routing(model: MoEModel, ids: TokenIds) -> Routed:
    inputs = {"use_cache": False, "input_ids": model.row(ids[None].astype(np.int64))}
    output, done = model.read(inputs, {"decoder": len(ids)})
    return Routed(ids, np.zeros(len(ids), dtype=np.bool_), *done["decoder"], predicted=_most_probable(model, output))


def _most_probable(model: MoEModel, output: Any) -> TokenIds | None:
    """The most probable next token after each, `[token]`; None where the model writes no text."""
    logits = model.language_logits(output)
    if logits is None:
        return None
    if logits.device.type == "cpu":
        found = to_host([logits[0]])[0].argmax(axis=-1)  # on the CPU numpy's takes a tenth of the time of torch's
    else:
        found = logits[0].argmax(dim=-1).cpu().numpy()
    return found.astype(np.int32)
