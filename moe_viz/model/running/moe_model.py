"""A mixture-of-experts model: text in, `RoutingTrace` out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from moe_viz.data.trace import RoutingTrace
from moe_viz.errors import InputError
from moe_viz.model.running.attached import Attached
from moe_viz.model.running.decoder import Decoder
from moe_viz.model.running.forward import traces_of
from moe_viz.model.running.generation import Generation
from moe_viz.model.running.sampling import Sampling
from moe_viz.model.running.tokens import Tokens, in_chat, tokens_of_ids, tokens_of_text


def attach(hf_model: Any, tokenizer: Any | None = None) -> MoEModel:
    """Read the routers of a transformers model that you already have.

    Puts the model into evaluation mode. Raises ModelError if it has no router.
    """
    return MoEModel(hf_model, tokenizer, name=hf_model.config.name_or_path or type(hf_model).__name__)


class MoEModel(Attached):
    """A transformers model with a listener on each of its routers, and its tokenizer.

    The listeners cost next to nothing while no trace runs and never change an output. `close`,
    or the end of a `with` block, takes them off.
    """

    @property
    def chats(self) -> bool:
        """Whether the tokenizer has a chat template."""
        return bool(getattr(self.tokenizer, "chat_template", None))

    def tokenize(
        self, text: str | None = None, *, token_ids: Sequence[int] | None = None, chat: bool = False
    ) -> Tokens:
        """The tokens of a text, or of ids, checked against the vocabulary and the context.

        With `chat`, of the text as a user's turn in the tokenizer's chat template.
        Raises InputError if they cannot be traced.
        """
        if (text is None) == (token_ids is None):
            raise InputError("give either a text or token_ids")
        if text is not None:
            if self.tokenizer is None:
                raise InputError("this model was attached without a tokenizer: give token_ids instead of a text")
            if chat and text.strip():
                tokens = tokens_of_text(self.tokenizer, in_chat(self.tokenizer, text), special=False)
            else:
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
        decoder = None
        if decoder_token_ids is not None:
            decoder = tokens_of_ids(self.tokenizer, self._checked(decoder_token_ids))
        return traces_of(self, [tokens], decoder)[0]

    def trace_batch(self, texts: Sequence[Tokens]) -> list[tuple[RoutingTrace, ...]]:
        """As `trace_tokens` of each of `texts`, in one forward pass: quicker, and the same.

        Shorter texts are padded at their end; the pads are masked and in no trace. A model whose
        routing depends on the batch (`batches` is False) reads one text after another.
        """
        if self.batches:
            return traces_of(self, texts, None)
        return [self.trace_tokens(tokens) for tokens in texts]

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
        """Continue a text: first the trace of the text alone, then one more token a trace.

        A trace has the tokens that the model has read, `generated` told apart. It ends after
        `max_new_tokens`, at the end of the model's context, or before a token that ends the
        text. With `chat` it is the answer to the text. A `temperature` of 0 takes the most
        probable token each time. An encoder-decoder model gives its decoder's trace.
        Raises InputError for a text that cannot be read or a model that does not generate.
        """
        sampling = Sampling(temperature, top_p, seed)
        generation = Generation(self, self.tokenize(text, token_ids=token_ids, chat=chat), max_new_tokens, sampling)
        decoder = Decoder(self)
        decoder.add(generation)
        yield generation.trace()
        while not generation.ended:
            decoder.step()
            yield generation.trace()

    def _checked(self, token_ids: Sequence[int]) -> list[int]:
        size = self.hf_model.config.get_text_config().vocab_size
        ids = [int(i) for i in token_ids]
        outside = [i for i in ids if not 0 <= i < size]
        if outside or not ids:
            seen = f"{outside[0]} is outside" if outside else "none was given of"
            raise InputError(f"token ids: {seen} the vocabulary, which goes from 0 to {size - 1}")
        return ids
