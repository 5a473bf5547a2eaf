"""A mixture-of-experts model: text in, `RoutingTrace` out."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Any

from moe_viz.data.provenance import Provenance
from moe_viz.data.router_site import RouterSite, Stack
from moe_viz.data.routing import Routing
from moe_viz.data.trace import NextTokens, RoutingTrace
from moe_viz.errors import InputError
from moe_viz.model.routers.capture import Capture
from moe_viz.model.routers.discover import Router
from moe_viz.model.routers.self_test import SelfTest
from moe_viz.model.running.decoder import Decoder
from moe_viz.model.running.forward import ForwardPass, Rows, TokenRow, forward_pass
from moe_viz.model.running.generation import Generation, end_ids_of
from moe_viz.model.running.next_tokens import next_tokens
from moe_viz.model.running.provenance import provenance_of, with_near_ties, with_notes
from moe_viz.model.running.sampling import Sampling
from moe_viz.model.running.tokens import Tokens, TokenTexts, checked_ids, context_of, continued, tokenize, tokens_of_ids
from moe_viz.model.running.traces import trace_of, traces_of


class MoEModel(AbstractContextManager["MoEModel"]):
    """A transformers model with a listener on each of its routers, and its tokenizer.

    `load` and `attach` make one. The listeners cost next to nothing while nothing is traced, and
    never change an output. `close`, or the end of a `with` block, takes them off.
    """

    def __init__(
        self,
        hf_model: Any,
        tokenizer: Any | None,
        routers: tuple[Router, ...],
        *,
        name: str,
        revision: str | None,
        notes: tuple[str, ...],
        self_test: SelfTest,
    ) -> None:
        self.hf_model = hf_model
        self.tokenizer = tokenizer
        self.token_texts = TokenTexts(tokenizer)
        self.routers = routers
        """The routers with their modules, in the order of `sites`."""
        self.name = name
        self.revision = revision
        self.self_test = self_test
        """How the model's routers passed the test of what is known of them."""
        self.closing = ExitStack()
        """What else ends when the model is closed."""
        self._notes = notes
        self._capture = Capture(routers)
        self._capture.install()

    @property
    def sites(self) -> tuple[RouterSite, ...]:
        """The routers as they are now, in order: a stack's layers from first to last."""
        return self._capture.sites

    def sites_of(self, stack: Stack) -> tuple[RouterSite, ...]:
        """The routers of one stack."""
        return tuple(site for site in self.sites if site.stack == stack)

    @property
    def context(self) -> int | None:
        """The number of tokens that the model was built for, at most; None where it states no limit."""
        return context_of(self.hf_model.config)

    @property
    def two_stacks(self) -> bool:
        """Whether an encoder reads the text and a decoder what is generated."""
        return bool(self.hf_model.config.is_encoder_decoder)

    @property
    def generates(self) -> bool:
        """Whether the model predicts next tokens."""
        return bool(self.hf_model.can_generate())

    @property
    def chats(self) -> bool:
        """Whether the tokenizer has a chat template."""
        return bool(getattr(self.tokenizer, "chat_template", None))

    @property
    def batches(self) -> bool:
        """Whether a text is routed as if alone when it is read together with others."""
        return not any(router.batch_dependent for router in self.routers)

    def provenance(self) -> Provenance:
        """Where a trace made now would come from."""
        pairs = zip(self.routers, self.sites, strict=True)
        notes = dict.fromkeys(note for router, site in pairs for note in router.rule.notes(site))
        failed = () if self.self_test.passed else (self.self_test.sentence,)
        return provenance_of(self.hf_model, self.name, self.revision, (*self._notes, *notes, *failed))

    def tokenize(
        self, text: str | None = None, *, token_ids: Sequence[int] | None = None, chat: bool = False
    ) -> Tokens:
        """The tokens of a text, or of ids, checked against the vocabulary and the context.

        With `chat`, of the text as a user's turn in the tokenizer's chat template.
        Raises InputError if they cannot be traced.
        """
        return tokenize(self.tokenizer, self.hf_model.config, text, token_ids, chat)

    def trace(self, text: str | None = None, *, token_ids: Sequence[int] | None = None) -> RoutingTrace:
        """Run the model once over a text, or over token ids, and return what every router chose.

        text: the text to read. Give this or `token_ids`.
        token_ids: the tokens to read, by their ids in the model's vocabulary.

        Of an encoder-decoder model this is the encoder's trace; `trace_stacks` returns both.
        Raises InputError for a text that cannot be traced, CaptureError if a router was missed.

        >>> from moe_viz import load
        >>> trace = load("demo").trace("The river was quiet.")
        >>> trace.tokens
        ('The', ' river', ' was', ' qui', 'et', '.')
        >>> trace.expert_ids.shape, trace.router_logits.shape  # [site token slot], [site token expert]
        ((6, 6, 2), (6, 6, 16))
        """
        return self.trace_stacks(text, token_ids=token_ids)[0]

    def trace_stacks(
        self,
        text: str | None = None,
        *,
        token_ids: Sequence[int] | None = None,
        decoder_token_ids: Sequence[int] | None = None,
    ) -> tuple[RoutingTrace, ...]:
        """One trace per stack: the decoder's, or the encoder's and the decoder's.

        An encoder-decoder model's decoder reads `decoder_token_ids`, by default its start token alone.
        """
        return self.trace_tokens(self.tokenize(text, token_ids=token_ids), decoder_token_ids)

    def trace_tokens(self, tokens: Tokens, decoder_token_ids: Sequence[int] | None = None) -> tuple[RoutingTrace, ...]:
        """As `trace_stacks`, of what `tokenize` returned."""
        return self._trace([tokens], decoder_token_ids)[0]

    def trace_batch(self, texts: Sequence[Tokens]) -> list[tuple[RoutingTrace, ...]]:
        """As `trace_tokens` of each of `texts`, in one forward pass: faster, and the same.

        Shorter texts are padded at their end. The pads are masked, and in no trace. A model whose
        routing depends on the batch (`batches` is False) reads one text after another.
        """
        return self._trace(texts, None) if self.batches else [self.trace_tokens(tokens) for tokens in texts]

    def generate(
        self,
        text: str | None = None,
        *,
        token_ids: Sequence[int] | None = None,
        chat: bool = False,
        max_new_tokens: int = 50,
        temperature: float = 0.8,
        top_p: float = 0.95,
        seed: int = 0,
    ) -> Iterator[RoutingTrace]:
        """Continue a text: first the trace of the text alone, then one trace per generated token.

        text, token_ids: what to continue, as in `trace`.
        chat: put the text into the tokenizer's chat template, so that the answer to it is generated.
        max_new_tokens: at most how many tokens are generated. Fewer are if the model's context is
            full, or if the model draws a token that ends the text.
        temperature: divides the logits before a token is drawn; 0 takes the most probable token.
        top_p: draw among the most probable tokens that together reach this probability.
        seed: the same seed draws the same text.

        A trace has all tokens that the model has read; `generated` tells those that it wrote. Of an
        encoder-decoder model it is the decoder's trace. Raises InputError for a text that cannot be
        read, for a value out of range, and for a model that does not generate.

        >>> from moe_viz import load
        >>> *_, trace = load("demo").generate("The river was", max_new_tokens=3, temperature=0)
        >>> trace.generated.tolist()
        [False, False, False, True, True, True]
        """
        tokens = self.tokenize(text, token_ids=token_ids, chat=chat)
        generation = self.start_generation(tokens, max_new_tokens, Sampling(temperature, top_p, seed))
        decoder = self.decoder()
        decoder.add(generation)
        yield generation.trace()
        while not generation.ended:
            decoder.step()
            yield generation.trace()

    def start_generation(
        self, given: Tokens, max_new_tokens: int, sampling: Sampling, stopping: threading.Event | None = None
    ) -> Generation:
        """A continuation of what `tokenize` returned, to be read by a `decoder`. It ends early once `stopping` is set.

        Raises InputError if the model does not generate, or is asked for less than one token.
        """
        if not self.generates:
            raise InputError("this model gives no next token, so that it cannot continue a text")
        return Generation(
            given,
            self._decoder_start() if self.two_stacks else given,
            max_new_tokens,
            sampling,
            context=self.context,
            end_ids=end_ids_of(self.hf_model.generation_config),
            token_texts=self.token_texts,
            trace=self._trace_of_generation,
            stopping=stopping,
        )

    def decoder(self) -> Decoder:
        """What continues texts with this model, several at a time."""
        return Decoder(self.hf_model, self._capture, self.batches)

    def read(self, rows: Sequence[TokenRow], decoder_ids: Sequence[int] | None = None) -> ForwardPass:
        """One forward pass over rows of token ids, each as if it stood alone.

        An encoder-decoder model's decoder reads `decoder_ids` with each row, by default its start token.
        Raises CaptureError if a router was missed.
        """
        reads: dict[Stack, Rows] = {"decoder": Rows(rows)}
        if decoder_ids is not None and not self.two_stacks:
            raise InputError("decoder_token_ids is for encoder-decoder models; this model has one stack")
        if self.two_stacks:
            config = self.hf_model.config
            start = self._decoder_start().ids if decoder_ids is None else checked_ids(decoder_ids, config)
            reads = {"encoder": reads["decoder"], "decoder": Rows([start] * len(rows))}
        return forward_pass(self.hf_model, self._capture, reads, use_cache=False)

    def close(self) -> None:
        """Take the listeners off the model. If its weights wait on disk they go too, and it cannot run any more."""
        self._capture.remove()
        self.closing.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _trace(self, texts: Sequence[Tokens], decoder_ids: Sequence[int] | None) -> list[tuple[RoutingTrace, ...]]:
        """The traces, one per stack, of texts that are read in one pass."""
        done = self.read([tokens.ids for tokens in texts], decoder_ids)
        tokens: dict[Stack, Sequence[Tokens]] = {"decoder": texts}
        if self.two_stacks:
            start = (
                self._decoder_start()
                if decoder_ids is None
                else tokens_of_ids(self.tokenizer, checked_ids(decoder_ids, self.hf_model.config))
            )
            tokens = {"encoder": texts, "decoder": [start] * len(texts)}
        following: list[NextTokens] = []
        if self.generates and "decoder" in done.routing:
            following = [next_tokens(logits, self.token_texts) for logits in done.logits]
        provenance = self.provenance()
        if len(texts) > 1:
            provenance = with_near_ties(provenance, f"Read with {len(texts) - 1} other text(s)")
        return traces_of(done.routing, tokens, following, done.sites, provenance)

    def _trace_of_generation(self, generation: Generation, routing: Routing, following: NextTokens) -> RoutingTrace:
        provenance = with_notes(self.provenance(), f"Generated with {generation.sampling}.")
        if self.two_stacks:
            note = "The encoder read the text; this is what the decoder wrote, after its start token."
            provenance = with_notes(provenance, note)
        tokens = continued(self.tokenizer, generation.prompt, routing.token_ids[len(generation.prompt.ids) :].tolist())
        return trace_of(tokens, routing, following, generation.sites, provenance)

    def _decoder_start(self) -> Tokens:
        """What an encoder-decoder model's decoder begins with: a token stated for generation, or padding, as in T5."""
        start = self.hf_model.generation_config.decoder_start_token_id
        return tokens_of_ids(self.tokenizer, [self.hf_model.config.pad_token_id if start is None else start])
