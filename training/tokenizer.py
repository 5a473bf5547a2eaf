"""The bundled model's tokenizer: byte-level BPE, so that every string round-trips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from training.corpus import END_OF_TEXT, Split

BYTES_PER_DOMAIN = 1_500_000


def train_tokenizer(domains: Mapping[str, Split], vocab_size: int) -> Tokenizer:
    """Learn merges from the same amount of text of each domain. Digits stay single."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=24,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_sample(domains), trainer)
    return tokenizer


def _sample(domains: Mapping[str, Split]) -> Iterator[str]:
    for split in domains.values():
        size = 0
        for text in split.train:
            size += len(text.encode())
            if size > BYTES_PER_DOMAIN:
                break
            yield text


def as_transformers(tokenizer: Tokenizer, context: int) -> PreTrainedTokenizerFast:
    """The same tokenizer as transformers loads it; it adds no special token by itself."""
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END_OF_TEXT,
        pad_token=END_OF_TEXT,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )
