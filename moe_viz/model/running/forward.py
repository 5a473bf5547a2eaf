"""The one way to run a model with its routers read: rows of tokens in, the routing of each row out.

Traces, corpora, continuations and the self-test all come here. Padding, masking and slicing of
rows stand in `Rows`, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moe_viz.data.arrays import TokenIds
from moe_viz.data.router_site import RouterSite, Stack
from moe_viz.data.routing import Routing
from moe_viz.model.routers.capture import Capture
from moe_viz.model.routers.readings import routing_of
from moe_viz.model.running.evaluation import evaluation

TokenRow = Sequence[int] | TokenIds
_PAD = 0
"""Any token will do: its place is masked."""


class Rows:
    """Runs of token ids to be read side by side, the shorter ones padded at their end."""

    def __init__(self, rows: Sequence[TokenRow]) -> None:
        """At least one row, none of them empty."""
        self._lengths = [len(row) for row in rows]
        width = max(self._lengths)
        self.ids: TokenIds = np.full((len(rows), width), _PAD, dtype=np.int32)
        """`[row token]`"""
        for padded, row in zip(self.ids, rows, strict=True):
            padded[: len(row)] = row

    @property
    def mask(self) -> NDArray[np.int64] | None:
        """1 for a token and 0 for a pad, `[row token]`; None if no row is padded."""
        width = self.ids.shape[1]
        if min(self._lengths) == width:
            return None
        return (np.arange(width) < np.array(self._lengths)[:, None]).astype(np.int64)

    def split(self, routing: Routing) -> list[Routing]:
        """The routing of each row, from that of all rows one after the other, pads included."""
        width = self.ids.shape[1]
        return [routing.tokens(slice(row * width, row * width + count)) for row, count in enumerate(self._lengths)]


class ForwardPass(NamedTuple):
    """What one forward pass gave."""

    output: Any
    """What the model returned."""
    routing: dict[Stack, list[Routing]]
    """What each stack's routers did with each row, without pads. A stack without routers is not in it."""
    sites: dict[Stack, tuple[RouterSite, ...]]
    """The routers of each stack, as they were in this pass."""

    @property
    def logits(self) -> list[Tensor]:
        """What a model that predicts tokens expects next: of each row the logits `[token vocabulary]`, without pads."""
        rows = zip(self.output.logits, self.routing["decoder"], strict=True)
        return [logits[: len(routing.token_ids)] for logits, routing in rows]


def forward_pass(
    hf_model: Any,
    capture: Capture,
    rows: Mapping[Stack, Rows],
    *,
    stop: Callable[[], bool] | None = None,
    **inputs: Any,
) -> ForwardPass:
    """Run a transformers model once, in evaluation, over the `rows` that each of its stacks reads.

    `inputs` are what else its forward takes. `stop` is asked at each router, and ends the pass with
    StoppedError. Raises CaptureError if a router was missed.
    """
    for stack, of_stack in rows.items():
        second = "decoder_" if stack == "decoder" and hf_model.config.is_encoder_decoder else ""
        inputs[f"{second}input_ids"] = on_input_device(hf_model, of_stack.ids)
        mask = of_stack.mask
        if mask is not None:
            inputs[f"{second}attention_mask"] = on_input_device(hf_model, mask)
    with evaluation(hf_model), torch.inference_mode(), capture.recording(stop) as readings:
        output = hf_model(**inputs)
    now = capture.sites
    done = ForwardPass(output, {}, {})
    for stack, of_stack in rows.items():
        there = [index for index, site in enumerate(now) if site.stack == stack]
        if there:
            sites, read = [now[i] for i in there], [readings[i] for i in there]
            done.sites[stack], routing = routing_of(sites, read, of_stack.ids.reshape(-1))
            done.routing[stack] = of_stack.split(routing)
    return done


def on_input_device(hf_model: Any, values: NDArray[Any]) -> Tensor:
    """Token ids, or a mask of them, `[row token]`, where the model takes them."""
    return torch.as_tensor(values, dtype=torch.int64, device=input_device(hf_model))


def input_device(hf_model: Any) -> torch.device:
    """The device on which the model takes token ids."""
    device: torch.device = hf_model.get_input_embeddings().weight.device
    return torch.device("cpu") if device.type == "meta" else device  # offloaded: the weights follow the tokens
