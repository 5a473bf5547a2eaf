"""Running a model over a corpus for its routing alone: no texts, no names, no predictions but the first.

A trace says of every token what it is called and which five tokens were expected next; a corpus
run needs neither, and they take longer than the capture itself. Short texts share a forward pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from moe_viz.data.routed import Routed
from moe_viz.data.trace import Provenance, RouterSite, TokenIds
from moe_viz.model.routers.capture import to_host
from moe_viz.model.running.moe_model import MoEModel
from moe_viz.model.running.tokens import Tokens

PASS_TOKENS = 1024
"""So many tokens, pads included, or one run of tokens, are read in a forward pass."""


def routed_sites(model: MoEModel) -> tuple[RouterSite, ...]:
    """The routers that `read_routed` reads: of an encoder-decoder model, the encoder's."""
    return model.sites_of(model.sites[0].stack)


def routed_provenance(model: MoEModel) -> Provenance:
    """Where the routing comes from, with what a reader must know of texts that share a pass."""
    provenance = model.provenance()
    if provenance.dtype == "float32" or not model.batches:
        return provenance
    note = (
        f"Short texts were read together in {provenance.dtype}: between experts of nearly one score the choice may"
        " differ from that in a pass alone."
    )
    return replace(provenance, notes=(*provenance.notes, note))


def read_routed(model: MoEModel, windows: Sequence[TokenIds]) -> list[Routed]:
    """How `model` routes each run of token ids, those of about one length read together.

    In float32 it is the same as alone up to rounding; a model whose routing depends on the batch
    reads one after the other. Raises CaptureError if a router was missed.
    """
    if model.two_stacks:
        blank = [("",) * len(ids) for ids in windows]
        return [
            Routed.of(model.trace_tokens(Tokens(tuple(ids.tolist()), texts, texts))[0])
            for ids, texts in zip(windows, blank, strict=True)
        ]
    found: dict[int, Routed] = {}
    for rows in _passes([len(ids) for ids in windows], PASS_TOKENS if model.batches else 0):
        found |= zip(rows, _read(model, [windows[row] for row in rows]), strict=True)
    return [found[row] for row in range(len(windows))]


def _passes(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Which runs are read together: the shortest first, up to `most` tokens when padded to the longest."""
    rows: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if rows and (len(rows) + 1) * lengths[row] > most:
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def _read(model: MoEModel, windows: Sequence[TokenIds]) -> list[Routed]:
    """One forward pass; shorter runs are padded at their end, and the pads masked."""
    lengths = np.array([len(ids) for ids in windows])
    width = int(lengths.max())
    real = np.arange(width) < lengths[:, None]
    rows = np.zeros(real.shape, dtype=np.int64)
    rows[real] = np.concatenate(windows)
    inputs: dict[str, Any] = {"use_cache": False, "input_ids": model.row(rows)}
    if not real.all():
        inputs["attention_mask"] = model.row(real.astype(np.int64))
    output, done = model.read(inputs, {"decoder": rows.size})
    guesses = _most_probable(model, output)
    found = []
    for row, ids in enumerate(windows):
        routing = done["decoder"].tokens(row * width, len(ids))
        found.append(
            Routed(
                ids,
                np.zeros(len(ids), dtype=np.bool_),
                routing.expert_ids,
                routing.gate_weights,
                routing.router_logits,
                None if guesses is None else guesses[row, : len(ids)],
            )
        )
    return found


def _most_probable(model: MoEModel, output: Any) -> TokenIds | None:
    """The most probable next token after each, `[row token]`; None where the model writes no text."""
    logits = model.language_logits(output)
    if logits is None:
        return None
    if logits.device.type == "cpu":  # where numpy's takes a tenth of the time of torch's
        return to_host([logits])[0].argmax(axis=-1).astype(np.int32)
    return logits.argmax(dim=-1).cpu().numpy().astype(np.int32)
