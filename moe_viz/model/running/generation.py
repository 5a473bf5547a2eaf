"""A text that is continued token by token, and the routing of every token as it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from transformers import TemperatureLogitsWarper, TopPLogitsWarper

from moe_viz.data.router_site import RouterSite
from moe_viz.data.routing import Routing
from moe_viz.data.trace import NextTokens, RoutingTrace
from moe_viz.errors import InputError, ModelError
from moe_viz.model.running.next_tokens import next_tokens
from moe_viz.model.running.sampling import Sampling
from moe_viz.model.running.tokens import Tokens, TokenTexts

End = Literal["length", "context", "end of text", "stopped"]
_Part = tuple[Routing, NextTokens]


class Generation:
    """A text that is being continued: what was read so far, and the token to read next.

    `MoEModel.start_generation` makes one, and a `Decoder` reads with the model. `trace` may be
    called in any thread at any time.
    """

    def __init__(
        self,
        given: Tokens,
        prompt: Tokens,
        max_new_tokens: int,
        sampling: Sampling,
        *,
        context: int | None,
        end_ids: frozenset[int],
        token_texts: TokenTexts,
        trace: Callable[[Generation, Routing, NextTokens], RoutingTrace],
        stopping: threading.Event | None = None,
    ) -> None:
        """Continue `prompt` by at most `max_new_tokens`.

        context: how many tokens the model reads at most.
        end_ids: the tokens that end a text.
        token_texts: what the tokens are called.
        trace: makes a trace of what was read.
        stopping: once it is set, no more tokens are read.
        """
        if max_new_tokens < 1:
            raise InputError(f"max_new_tokens is {max_new_tokens}; expected at least 1")
        self.given = given
        """The text to continue; an encoder-decoder model's encoder reads it."""
        self.prompt = prompt
        """What the decoder reads before the first generated token."""
        self.sampling = sampling
        self.ended: End | None = None
        """Why no more tokens come: as many were generated as were asked for, the context is full, the
        model drew a token that ends the text (which it does not read), or it was stopped. None
        while more may come."""
        self.stopping = stopping or threading.Event()
        self.sites: tuple[RouterSite, ...] = ()
        """The routers, as they were while this text was read."""
        self.next_id = -1
        """The token that was drawn, to be read next."""
        self.generated = 0
        """How many tokens were generated and read."""
        room = (context or 2**31) - len(prompt.ids)
        self._most = min(max_new_tokens, room)
        self._full: End = "length" if max_new_tokens <= room else "context"
        self._end_ids = end_ids
        self._token_texts = token_texts
        self._trace = trace
        self._draws = torch.Generator().manual_seed(sampling.seed)
        self._parts: tuple[_Part, ...] = ()

    @property
    def begun(self) -> bool:
        """Whether the prompt was read."""
        return bool(self._parts)

    def extend(self, routing: Routing, logits: Tensor, sites: tuple[RouterSite, ...]) -> None:
        """Take what was read: the prompt first, then `next_id`; draw what follows its `logits [token vocabulary]`.

        Raises ModelError if the routers at `sites` are not what they were when the prompt was read.
        """
        if self._parts and sites != self.sites:
            changed = next(now.name for now, then in zip(sites, self.sites, strict=True) if now != then)
            raise ModelError(f"{changed}: its routing rule was changed while the text was continued; continue it anew")
        self.sites = sites
        if self._parts:
            self.generated += 1
            routing = routing._replace(generated=np.ones_like(routing.generated))
        self._parts = _with(self._parts, (routing, next_tokens(logits, self._token_texts)))
        if self.generated >= self._most:
            self.ended = self._full
            return
        self.next_id = _drawn(logits[-1], self.sampling, self._draws)
        if self.next_id in self._end_ids:
            self.ended = "end of text"

    def trace(self) -> RoutingTrace:
        """The trace of what was read so far. Raises InputError if nothing was."""
        if not self._parts:
            raise InputError("nothing of this text was read yet")
        return self._trace(self, *_joined(self._parts))


def end_ids_of(generation_config: Any) -> frozenset[int]:
    """The tokens that end a text."""
    ids = generation_config.eos_token_id
    return frozenset(() if ids is None else [ids] if isinstance(ids, int) else ids)


def _with(parts: tuple[_Part, ...], part: _Part) -> tuple[_Part, ...]:
    """`parts` and one more. Neighbours of like length become one, so that there are never many."""
    while parts and len(parts[-1][1].texts) <= len(part[1].texts):
        parts, part = parts[:-1], _joined((parts[-1], part))
    return (*parts, part)


def _joined(parts: Sequence[_Part]) -> _Part:
    """What was read one after another, as one."""
    if len(parts) == 1:
        return parts[0]
    following = [then for _, then in parts]
    return (
        Routing.joined([routing for routing, _ in parts]),
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
