"""A text that is continued token by token, and the routing of every token as it is read."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from transformers import TemperatureLogitsWarper, TopPLogitsWarper

from moe_viz.data.trace import NextTokens, RoutingTrace
from moe_viz.errors import InputError, ModelError
from moe_viz.model.routers.routing import Routing
from moe_viz.model.running.attached import Attached
from moe_viz.model.running.next_tokens import next_tokens
from moe_viz.model.running.sampling import Sampling
from moe_viz.model.running.tokens import Tokens, tokens_of_ids

End = Literal["length", "context", "end of text", "stopped"]
_Part = tuple[Routing, NextTokens]
_OVERLAP = 4
"""Tokens of the prompt that the generated ones are decoded with: a character may lie across."""


class Generation:
    """A text that is being continued: what was read so far, and the token to read next.

    `trace` may be called in any thread at any time.
    """

    def __init__(
        self,
        model: Attached,
        given: Tokens,
        max_new_tokens: int,
        sampling: Sampling,
        stopping: threading.Event | None = None,
    ) -> None:
        """Begin to continue `given`; the end comes early once `stopping` is set."""
        if not model.generates:
            raise InputError("this model gives no next token, so that it cannot continue a text")
        if max_new_tokens < 1:
            raise InputError(f"max_new_tokens is {max_new_tokens}; expected at least 1")
        self.given = given
        """The text to continue; what an encoder-decoder model's encoder reads."""
        self.prompt = model.start_of_decoder() if model.two_stacks else given
        """What the decoder reads before the first generated token."""
        self.ended: End | None = None
        """Why no more tokens come, or None: as many as were asked for are there, the context is
        full, the model drew a token that ends the text (which it does not read), or it was stopped."""
        self.stopping = stopping or threading.Event()
        self.next_id = -1
        """The token that was drawn, to be read next."""
        room = (model.context or 2**31) - len(self.prompt.ids)
        self._most = min(max_new_tokens, room)
        self._full: End = "length" if max_new_tokens <= room else "context"
        self._model = model
        self._sampling = sampling
        self._draws = torch.Generator().manual_seed(sampling.seed)
        self._generated: list[int] = []
        self._parts: tuple[_Part, ...] = ()

    @property
    def begun(self) -> bool:
        """Whether the text itself was read."""
        return bool(self._parts)

    @property
    def generated(self) -> int:
        """How many tokens were generated and read."""
        return len(self._generated)

    def extend(self, done: Routing, logits: Tensor) -> None:
        """Take what was read: the prompt first, then `next_id`; draw what follows its `logits [token vocabulary]`."""
        part = done, next_tokens(logits, self._model.token_texts)
        if self._parts:
            self._generated.append(self.next_id)
        self._parts = _with(self._parts, part)
        if len(self._generated) >= self._most:
            self.ended = self._full
            return
        self.next_id = _drawn(logits[-1], self._sampling, self._draws)
        if self.next_id in self._model.end_ids:
            self.ended = "end of text"

    def trace(self) -> RoutingTrace:
        """The trace of what was read so far. Raises InputError if nothing was."""
        if not self._parts:
            raise InputError("nothing of this text was read yet")
        done, following = _joined(self._parts)
        prompt = self.prompt
        ids = self._generated[: done.expert_ids.shape[1] - len(prompt.ids)]
        before = prompt.ids[-_OVERLAP:]
        new = tokens_of_ids(self._model.tokenizer, [*before, *ids])
        start = len(before)
        tokens = Tokens((*prompt.ids, *ids), prompt.texts + new.texts[start:], prompt.names + new.names[start:])
        notes = [f"Generated with {self._sampling}."]
        if self._model.two_stacks:
            notes.append("The encoder read the text; this is what the decoder wrote, after its start token.")
        return self._model.assembled("decoder", tokens, done, following, prompt=len(prompt.ids), notes=tuple(notes))


def _with(parts: tuple[_Part, ...], part: _Part) -> tuple[_Part, ...]:
    """`parts` and one more. Neighbours of like length become one, so that there are never many."""
    while parts and len(parts[-1][1].texts) <= len(part[1].texts):
        parts, part = parts[:-1], _joined((parts[-1], part))
    return (*parts, part)


def _joined(parts: Sequence[_Part]) -> _Part:
    """What was read one after another, as one."""
    if len(parts) == 1:
        return parts[0]
    routing = [done for done, _ in parts]
    following = [then for _, then in parts]
    return (
        Routing(*(np.concatenate(arrays, axis=1) for arrays in zip(*routing, strict=True))),
        NextTokens(
            np.concatenate([then.token_ids for then in following]),
            np.concatenate([then.probabilities for then in following]),
            tuple(texts for then in following for texts in then.texts),
        ),
    )


def _drawn(logits: Tensor, sampling: Sampling, draws: torch.Generator) -> int:
    """A token from the model's `logits [vocabulary]`."""
    scores = logits.float().cpu()[None]
    if not torch.isfinite(scores).any() or scores.isnan().any():
        raise ModelError("the model's prediction is not a number: its output cannot be trusted")
    if sampling.temperature == 0:
        return int(scores.argmax())
    none = torch.empty(1, 0, dtype=torch.long)
    scores = TemperatureLogitsWarper(sampling.temperature)(none, scores)
    scores = TopPLogitsWarper(sampling.top_p)(none, scores)
    return int(torch.multinomial(scores.softmax(dim=-1), 1, generator=draws))
