"""A transformers model whose routers can be read: inputs in, routing out."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moe_viz.data.trace import NextTokens, Provenance, RouterSite, RoutingTrace, Stack
from moe_viz.model.routers.capture import Capture
from moe_viz.model.routers.discover import Router, discover
from moe_viz.model.routers.routing import Routing, routing_of
from moe_viz.model.routers.self_test import self_test, without_disproven
from moe_viz.model.running.tokens import Tokens, TokenTexts, tokens_of_ids
from moe_viz.model.sizes.placement import devices_of

ENGINE = "transformers, read at every router"
_VERSIONS = (("torch", torch.__version__), ("transformers", version("transformers")))


class Attached:
    """A transformers model with a listener on each of its routers.

    The listeners cost next to nothing while nothing is read and never change an output.
    `close`, or the end of a `with` block, takes them off.
    """

    def __init__(
        self,
        hf_model: Any,
        tokenizer: Any | None,
        name: str,
        revision: str | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        """`notes` are what a reader of its traces must know beside what its routers tell."""
        self.hf_model = hf_model.eval()
        self.tokenizer = tokenizer
        self.token_texts = TokenTexts(tokenizer)
        self.name = name
        self.revision = revision
        self._routers = discover(hf_model)
        self._capture = Capture(self._routers)
        self._capture.install()
        self.closing = ExitStack()
        """What else ends when the model is closed."""
        self._notes = notes + tuple(dict.fromkeys(note for router in self._routers for note in router.notes))
        self.self_test = self_test(self)
        self._routers = without_disproven(self._routers, self.self_test)
        if not self.self_test.passed:
            self._notes += (self.self_test.sentence,)

    @property
    def sites(self) -> tuple[RouterSite, ...]:
        """The routers, in order: a stack's layers from first to last."""
        return tuple(router.site for router in self._routers)

    def sites_of(self, stack: Stack) -> tuple[RouterSite, ...]:
        """The routers of one stack."""
        return tuple(site for site in self.sites if site.stack == stack)

    @property
    def routers(self) -> tuple[Router, ...]:
        """The routers with their modules."""
        return self._routers

    @property
    def context(self) -> int | None:
        """The most tokens that the model was built for; None where it states no limit."""
        limit = getattr(self.hf_model.config.get_text_config(), "max_position_embeddings", None)
        return limit if isinstance(limit, int) else None

    @property
    def two_stacks(self) -> bool:
        """Whether an encoder reads the text and a decoder what is generated."""
        return bool(self.hf_model.config.is_encoder_decoder)

    @property
    def generates(self) -> bool:
        """Whether the model predicts next tokens."""
        return bool(self.hf_model.can_generate())

    @property
    def end_ids(self) -> frozenset[int]:
        """The tokens that end a text."""
        ids = self.hf_model.generation_config.eos_token_id
        return frozenset(() if ids is None else [ids] if isinstance(ids, int) else ids)

    @property
    def batches(self) -> bool:
        """Whether a text is routed as if alone when it is read together with others."""
        return not any(router.batch_dependent for router in self._routers)

    def read(
        self, inputs: Mapping[str, Any], stacks: Mapping[Stack, int], stop: Callable[[], bool] | None = None
    ) -> tuple[Any, dict[Stack, Routing]]:
        """One forward pass with `inputs`, over as many tokens as `stacks` says, pads included.

        Returns its output and what the routers of these stacks did.
        Raises CaptureError if a router was missed, StoppedError at the next router once `stop` says so.
        """
        with torch.inference_mode(), self._capture.recording(stop) as readings:
            output = self.hf_model(**inputs)
        done = {}
        for stack, tokens in stacks.items():
            sites = self.sites_of(stack)
            if sites:
                done[stack] = routing_of(
                    sites, [r for r, s in zip(readings, self.sites, strict=True) if s in sites], tokens
                )
        return output, done

    def assembled(
        self,
        stack: Stack,
        tokens: Tokens,
        done: Routing,
        following: NextTokens | None,
        *,
        prompt: int | None = None,
        notes: tuple[str, ...] = (),
    ) -> RoutingTrace:
        """The trace of what was read of `tokens`, of which those from `prompt` on were generated."""
        provenance = self.provenance()
        return RoutingTrace(
            tokens=tokens.texts,
            token_names=tokens.names,
            token_ids=np.array(tokens.ids, dtype=np.int32),
            generated=np.arange(len(tokens.ids)) >= (len(tokens.ids) if prompt is None else prompt),
            sites=self.sites_of(stack),
            expert_ids=done.expert_ids,
            gate_weights=done.gate_weights,
            router_logits=done.router_logits,
            provenance=replace(provenance, notes=provenance.notes + notes),
            next_tokens=following,
        )

    def language_logits(self, output: Any) -> Tensor | None:
        """The next-token logits `[batch token vocabulary]` of an output; None where the model predicts none."""
        logits = getattr(output, "logits", None)
        return logits if self.generates else None

    def start_of_decoder(self) -> Tokens:
        """What an encoder-decoder model's decoder begins with: a token stated for generation, or padding, as in T5."""
        start = self.hf_model.generation_config.decoder_start_token_id
        return tokens_of_ids(self.tokenizer, [self.hf_model.config.pad_token_id if start is None else start])

    def row(self, ids: Sequence[Sequence[int]] | NDArray[np.int64]) -> Tensor:
        """Token ids `[batch token]` on the device that takes them."""
        device = self.hf_model.get_input_embeddings().weight.device
        return torch.tensor(ids, device="cpu" if device.type == "meta" else device)  # offloaded: they follow it

    def provenance(self) -> Provenance:
        """Where a trace made now would come from."""
        config = self.hf_model.config
        parameter = next(self.hf_model.parameters())
        return Provenance(
            model=self.name,
            revision=self.revision,
            family=config.model_type,
            dtype=str(parameter.dtype).removeprefix("torch."),
            device=devices_of(self.hf_model),
            engine=ENGINE,
            versions=_VERSIONS,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            notes=self._notes,
        )

    def close(self) -> None:
        """Take the listeners off the model. Of one that waits on disk, the weights go too: it runs no more."""
        self._capture.remove()
        self.closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
