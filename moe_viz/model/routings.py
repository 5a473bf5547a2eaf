"""Running a model over a corpus for its routing alone: no texts, no names, no predictions but the first.

A trace says of every token what it is called and which five tokens were expected next; a corpus
run needs neither, and they take longer than the capture itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moe_viz.model.capture import Capture, to_host
from moe_viz.model.moe_model import MoEModel
from moe_viz.model.readers import Reading
from moe_viz.model.tokens import Tokens
from moe_viz.routing import Routing
from moe_viz.trace import NO_EXPERT, RouterSite, TokenIds


def routed_sites(model: MoEModel) -> tuple[RouterSite, ...]:
    """The routers that `read_routings` reads: of an encoder-decoder model, the encoder's."""
    return tuple(site for site in model.sites if site.stack == model.sites[0].stack)


def read_routings(model: MoEModel, windows: Sequence[TokenIds]) -> list[Routing]:
    """How `model` routes each run of token ids, with one forward pass a run.

    Raises CaptureError if a router was missed.
    """
    if model.hf_model.config.is_encoder_decoder:
        blank = [("",) * len(ids) for ids in windows]
        return [
            Routing.of(model.trace_tokens(Tokens(tuple(ids.tolist()), texts, texts))[0])
            for ids, texts in zip(windows, blank, strict=True)
        ]
    capture = Capture(model.routers)
    try:
        return [_routing(model, capture, ids) for ids in windows]
    finally:
        capture.remove()


def _routing(model: MoEModel, capture: Capture, ids: TokenIds) -> Routing:
    device = model.hf_model.get_input_embeddings().weight.device
    row = torch.from_numpy(ids.astype(np.int64)).to(device)[None]
    with torch.inference_mode(), capture.recording() as readings:
        output = model.hf_model(input_ids=row, use_cache=False)
    Capture.check(model.sites, readings, len(ids))
    return Routing(
        token_ids=ids,
        generated=np.zeros(len(ids), dtype=np.bool_),
        expert_ids=_stacked(readings, "ids", len(ids), NO_EXPERT, np.int16),
        gate_weights=_stacked(readings, "weights", len(ids), 0.0, np.float32),
        router_logits=_stacked(readings, "logits", len(ids), np.nan, np.float32),
        predicted=_most_probable(model, output, len(ids)),
    )


def _stacked(readings: Sequence[Reading], part: str, tokens: int, missing: float, dtype: type[np.generic]) -> Any:
    """`[site token width]` of what each router was read, filled up with `missing`."""
    arrays = [array.reshape(tokens, -1) for array in to_host([getattr(reading, part)[0] for reading in readings])]
    stacked = np.full((len(arrays), tokens, max(array.shape[1] for array in arrays)), missing, dtype=dtype)
    for row, array in zip(stacked, arrays, strict=True):
        row[:, : array.shape[1]] = array
    return stacked


def _most_probable(model: MoEModel, output: Any, tokens: int) -> TokenIds | None:
    """The most probable next token after each, `[token]`; None where the model writes no text."""
    logits: Tensor | None = getattr(output, "logits", None)
    if logits is None or logits.shape[:2] != (1, tokens) or not model.hf_model.can_generate():
        return None
    if logits.device.type == "cpu":
        found = to_host([logits[0]])[0].argmax(axis=-1)  # on the CPU numpy's takes a tenth of the time of torch's
    else:
        found = logits[0].argmax(dim=-1).cpu().numpy()
    return found.astype(np.int32)
