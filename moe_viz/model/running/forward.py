"""One forward pass over one or several texts, and a trace of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from moe_viz.data.trace import RoutingTrace, Stack
from moe_viz.errors import InputError
from moe_viz.model.running.attached import Attached
from moe_viz.model.running.next_tokens import next_tokens
from moe_viz.model.running.tokens import Tokens

_PAD = 0
"""Any token does: its place is masked."""


def traces_of(model: Attached, texts: Sequence[Tokens], decoder: Tokens | None) -> list[tuple[RoutingTrace, ...]]:
    """The traces, one a stack, of `texts` read together; `decoder` is what an encoder-decoder model's decoder reads.

    Shorter texts are padded at their end. The pads are masked, and in no trace.
    """
    lengths = [len(tokens.ids) for tokens in texts]
    width = max(lengths)
    inputs: dict[str, Any] = {"use_cache": False}
    inputs["input_ids"] = model.row([[*t.ids, *[_PAD] * (width - len(t.ids))] for t in texts])
    if min(lengths) < width:
        inputs["attention_mask"] = model.row([[1] * length + [0] * (width - length) for length in lengths])
    stacks: dict[Stack, Sequence[Tokens]] = {"decoder": texts}
    widths: dict[Stack, int] = {"decoder": width}
    if model.two_stacks:
        given = model.start_of_decoder() if decoder is None else decoder
        inputs["decoder_input_ids"] = model.row([given.ids] * len(texts))
        stacks = {"encoder": texts, "decoder": [given] * len(texts)}
        widths = {"encoder": width, "decoder": len(given.ids)}
    elif decoder is not None:
        raise InputError("decoder_token_ids is for encoder-decoder models; this model has one stack")
    output, routing = model.read(inputs, {stack: len(texts) * wide for stack, wide in widths.items()})
    logits = model.language_logits(output)
    notes = _rounding(model, len(texts))
    return [
        tuple(
            model.assembled(
                stack,
                (tokens := stacks[stack][row]),
                done.tokens(row * widths[stack], len(tokens.ids)),
                None
                if logits is None or stack == "encoder"
                else next_tokens(logits[row, : len(tokens.ids)], model.token_texts),
                notes=notes,
            )
            for stack, done in routing.items()
        )
        for row in range(len(texts))
    ]


def _rounding(model: Attached, texts: int) -> tuple[str, ...]:
    """What a reader must know of a pass over several texts: in float32 rounding parts no near-tie."""
    if texts == 1 or (dtype := model.provenance().dtype) == "float32":
        return ()
    others = f"Read with {texts - 1} other text(s) in {dtype}"
    note = f"{others}: between experts of nearly one score the choice may differ from that in a pass alone."
    return (note,)
