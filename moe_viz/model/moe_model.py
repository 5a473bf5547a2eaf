"""A model whose routers can be read: text in, `RoutingTrace` out."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from moe_viz.errors import InputError, ModelError
from moe_viz.model.capture import Capture, to_host
from moe_viz.model.discover import Router, discover
from moe_viz.model.next_tokens import next_tokens
from moe_viz.model.readers import Reading
from moe_viz.model.tokens import Tokens, tokens_of_ids, tokens_of_text
from moe_viz.trace import NO_EXPERT, Provenance, RouterSite, RoutingTrace

ENGINE = "transformers, read at every router"


def attach(hf_model: Any, tokenizer: Any | None = None) -> MoEModel:
    """Read the routers of a transformers model that you already have.

    Puts the model into evaluation mode. Raises ModelError if it has no router.
    """
    return MoEModel(hf_model, tokenizer, name=hf_model.config.name_or_path or type(hf_model).__name__)


class MoEModel:
    """A transformers model with a listener on each of its routers.

    The listeners cost next to nothing while no trace runs and never change an output. `close`,
    or the end of a `with` block, takes them off.
    """

    def __init__(self, hf_model: Any, tokenizer: Any | None, name: str, revision: str | None = None) -> None:
        self.hf_model = hf_model.eval()
        self.tokenizer = tokenizer
        self.name = name
        self.revision = revision
        self._routers = discover(hf_model)
        self._capture = Capture(self._routers)
        self._capture.install()

    @property
    def sites(self) -> tuple[RouterSite, ...]:
        """The routers, in order: a stack's layers from first to last."""
        return tuple(router.site for router in self._routers)

    @property
    def routers(self) -> tuple[Router, ...]:
        """The routers with their modules."""
        return self._routers

    @property
    def context(self) -> int | None:
        """The most tokens that the model was built for; None where it states no limit."""
        limit = getattr(self.hf_model.config.get_text_config(), "max_position_embeddings", None)
        return limit if isinstance(limit, int) else None

    def tokenize(self, text: str | None = None, *, token_ids: Sequence[int] | None = None) -> Tokens:
        """The tokens of a text, or of ids, checked against the vocabulary and the context.

        Raises InputError if they cannot be traced.
        """
        if (text is None) == (token_ids is None):
            raise InputError("give either a text or token_ids")
        if text is not None:
            if self.tokenizer is None:
                raise InputError("this model was attached without a tokenizer: give token_ids instead of a text")
            tokens = tokens_of_text(self.tokenizer, text)
        else:
            assert token_ids is not None
            tokens = tokens_of_ids(self.tokenizer, self._checked(token_ids))
        if self.context is not None and len(tokens.ids) > self.context:
            raise InputError(
                f"the text has {len(tokens.ids):,} tokens; this model reads at most {self.context:,}."
                f" Keep about the first {self.context / len(tokens.ids):.0%} of it"
            )
        return tokens

    def trace(self, text: str | None = None, *, token_ids: Sequence[int] | None = None) -> RoutingTrace:
        """Run the model once over a text, or over token ids, and return what every router chose.

        Of an encoder-decoder model this is the encoder's trace; `trace_stacks` gives both.
        Raises InputError for a text that cannot be traced, CaptureError if a router was missed.
        """
        return self.trace_stacks(text, token_ids=token_ids)[0]

    def trace_stacks(
        self,
        text: str | None = None,
        *,
        token_ids: Sequence[int] | None = None,
        decoder_token_ids: Sequence[int] | None = None,
    ) -> tuple[RoutingTrace, ...]:
        """One trace a stack: the decoder's, or the encoder's and the decoder's.

        An encoder-decoder model's decoder reads `decoder_token_ids`, by default its start
        token alone.
        """
        return self.trace_tokens(self.tokenize(text, token_ids=token_ids), decoder_token_ids)

    def trace_tokens(self, tokens: Tokens, decoder_token_ids: Sequence[int] | None = None) -> tuple[RoutingTrace, ...]:
        """As `trace_stacks`, of what `tokenize` gave."""
        inputs = {"input_ids": self._row(tokens)}
        stacks = {"decoder": tokens}
        if self.hf_model.config.is_encoder_decoder:
            given = tokens_of_ids(self.tokenizer, self._checked(decoder_token_ids or [self._decoder_start()]))
            inputs["decoder_input_ids"] = self._row(given)
            stacks = {"encoder": tokens, "decoder": given}
        elif decoder_token_ids is not None:
            raise InputError("decoder_token_ids is for encoder-decoder models; this model has one stack")
        with torch.inference_mode(), self._capture.recording() as readings:
            output = self.hf_model(**inputs, use_cache=False)
        logits = getattr(output, "logits", None)
        return tuple(
            self._trace(stack, of_stack, readings, logits if stack == "decoder" else None)
            for stack, of_stack in stacks.items()
            if any(site.stack == stack for site in self.sites)
        )

    def close(self) -> None:
        """Take the listeners off the model."""
        self._capture.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _checked(self, token_ids: Sequence[int]) -> list[int]:
        size = self.hf_model.config.get_text_config().vocab_size
        ids = [int(i) for i in token_ids]
        outside = [i for i in ids if not 0 <= i < size]
        if outside or not ids:
            seen = f"{outside[0]} is outside" if outside else "none was given of"
            raise InputError(f"token ids: {seen} the vocabulary, which goes from 0 to {size - 1}")
        return ids

    def _decoder_start(self) -> int:
        """The token that a decoder begins with: stated for generation, or else padding, as in T5."""
        start = self.hf_model.generation_config.decoder_start_token_id
        return int(self.hf_model.config.pad_token_id if start is None else start)

    def _row(self, tokens: Tokens) -> Tensor:
        return torch.tensor([tokens.ids], device=self.hf_model.get_input_embeddings().weight.device)

    def _trace(self, stack: str, tokens: Tokens, readings: Sequence[Reading], logits: Tensor | None) -> RoutingTrace:
        chosen = [i for i, router in enumerate(self._routers) if router.site.stack == stack]
        parts = [readings[i] for i in chosen]
        sites = tuple(self._routers[i].site for i in chosen)
        count = len(tokens.ids)
        Capture.check(sites, parts, count)
        slots = max(site.top_k for site in sites)
        experts = max(site.num_experts for site in sites)
        following = None
        if logits is not None and logits.shape[:2] == (1, count) and self.hf_model.can_generate():
            following = next_tokens(logits[0], self.tokenizer)
        return RoutingTrace(
            tokens=tokens.texts,
            token_names=tokens.names,
            token_ids=np.array(tokens.ids, dtype=np.int32),
            generated=np.zeros(count, dtype=np.bool_),
            sites=sites,
            expert_ids=_stacked([p.ids[0] for p in parts], count, slots, NO_EXPERT).astype(np.int16),
            gate_weights=_stacked([p.weights[0] for p in parts], count, slots, 0.0),
            router_logits=_stacked([p.logits[0] for p in parts], count, experts, np.nan),
            provenance=self.provenance(),
            next_tokens=following,
        )

    def provenance(self) -> Provenance:
        """Where a trace made now would come from."""
        config = self.hf_model.config
        parameter = next(self.hf_model.parameters())
        return Provenance(
            model=self.name,
            revision=self.revision,
            family=config.model_type,
            dtype=str(parameter.dtype).removeprefix("torch."),
            device=str(parameter.device),
            engine=ENGINE,
            versions=(("torch", torch.__version__), ("transformers", version("transformers"))),
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            notes=tuple(dict.fromkeys(note for router in self._routers for note in router.notes)),
        )


def _stacked(tensors: list[Tensor], tokens: int, width: int, missing: float) -> np.ndarray:
    """`[site token width]` from one `[token n]` or `[batch token n]` a site, n at most `width`."""
    arrays = [a.reshape(tokens, -1) for a in to_host(tensors)]
    if any(a.shape[1] > width for a in arrays):
        raise ModelError(f"a router gave {max(a.shape[1] for a in arrays)} values a token, expected {width}")
    stacked = np.full((len(arrays), tokens, width), missing, dtype=arrays[0].dtype)
    for row, array in zip(stacked, arrays, strict=True):
        row[:, : array.shape[1]] = array
    return stacked
