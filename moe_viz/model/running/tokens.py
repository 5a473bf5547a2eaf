"""Text to token ids, and token ids back to the text that each stands for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any

import numpy as np

from moe_viz.errors import InputError

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_OVERLAP = 4
"""Tokens of a prompt that the generated ones are decoded with: a character may lie across."""


@dataclass(frozen=True)
class Tokens:
    """Token ids, the text that each stands for, and each one's name in the vocabulary."""

    ids: tuple[int, ...]
    texts: tuple[str, ...]
    names: tuple[str, ...]


def tokenize(
    tokenizer: Any | None, config: Any, text: str | None, token_ids: Sequence[int] | None, chat: bool
) -> Tokens:
    """The tokens of a text or of ids: see `MoEModel.tokenize`."""
    if (text is None) == (token_ids is None):
        raise InputError("give either a text or token_ids")
    if token_ids is not None:
        tokens = tokens_of_ids(tokenizer, checked_ids(token_ids, config))
    elif tokenizer is None:
        raise InputError("this model was attached without a tokenizer: give token_ids instead of a text")
    else:
        assert text is not None  # one of the two is given
        tokens = tokens_of_text(tokenizer, text, chat)
    context = context_of(config)
    if context is not None and len(tokens.ids) > context:
        raise InputError(
            f"the text has {len(tokens.ids):,} tokens; this model reads at most {context:,}."
            f" Keep about the first {context / len(tokens.ids):.0%} of it"
        )
    return tokens


def checked_ids(token_ids: Sequence[int], config: Any) -> list[int]:
    """Token ids as they are: a sequence, an array or a tensor of one axis.

    Raises InputError if there are none, one is no whole number, or one is outside the model's vocabulary.
    """
    vocabulary = config.get_text_config().vocab_size
    ids = _whole_numbers(token_ids)
    outside = [i for i in ids if not 0 <= i < vocabulary]
    if outside or not ids:
        seen = f"{outside[0]} is outside" if outside else "none was given of"
        raise InputError(f"token ids: {seen} the vocabulary, which goes from 0 to {vocabulary - 1}")
    return ids


def _whole_numbers(values: Any) -> list[int]:
    listed = values.tolist() if hasattr(values, "tolist") else values
    each = list(listed) if isinstance(listed, Iterable) else []
    odd = [one for one in each if isinstance(one, bool) or not hasattr(one, "__index__")]
    if odd or not isinstance(listed, Iterable):
        seen = odd[0] if odd else listed
        kind = "rows of them" if isinstance(seen, list | tuple) else repr(seen)[:60]
        raise InputError(f"token ids: expected whole numbers in one row, such as [5, 6, 7]; got {kind}")
    return [index(one) for one in each]


def context_of(config: Any) -> int | None:
    """The number of tokens that a model was built for, at most; None where its config states no limit."""
    limit = getattr(config.get_text_config(), "max_position_embeddings", None)
    return limit if isinstance(limit, int) else None


def ordinary_ids(config: Any, tokenizer: Any | None, count: int) -> list[int]:
    """`count` token ids, or fewer where the context or the vocabulary is smaller; the same for the same vocabulary.

    None of them has a meaning of its own, such as the end of a text.
    """
    size = config.get_text_config().vocab_size
    special = set(_special_ids(config.to_dict()))
    if tokenizer is not None:
        size = min(size, len(tokenizer))
        special.update(tokenizer.all_special_ids, tokenizer.added_tokens_decoder)
    ordinary = np.setdiff1d(np.arange(size), list(special))
    count = min(count, len(ordinary), context_of(config) or count)
    return sorted(np.random.default_rng(0).choice(ordinary, count, replace=False).tolist())


def _special_ids(config: dict[Any, Any]) -> Iterator[int]:
    """Every token id that a config gives a meaning: the end of a text, an image, ..."""
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _special_ids(value)
        elif str(name).endswith(("token_id", "token_index", "token_ids")):
            yield from (i for i in (value if isinstance(value, list) else [value]) if isinstance(i, int))


def _in_chat(tokenizer: Any, text: str) -> str:
    """`text` as a user's turn in the tokenizer's chat template, up to where the answer begins."""
    if not tokenizer.chat_template:
        raise InputError("this model's tokenizer has no chat template: continue the text as it is")
    turn = [{"role": "user", "content": text}]
    return str(tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True))


def tokens_of_text(tokenizer: Any, text: str, chat: bool = False) -> Tokens:
    """Tokenise `text` as the model expects it, with the special tokens that the tokenizer adds.

    With `chat`, as a user's turn in the tokenizer's chat template. The texts joined give `text` back
    where the tokenizer says which characters a token covers. A lone surrogate is no character: it is
    read, and shown, as U+FFFD. Raises InputError if the text is blank, or if there is no chat template.
    """
    if not text.strip():
        raise InputError("the text is empty: type or paste something, then run it")
    if chat:
        text = _in_chat(tokenizer, text)
    special = not chat  # the template has its own
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if not tokenizer.is_fast:
        return tokens_of_ids(tokenizer, tokenizer(text, verbose=False, add_special_tokens=special)["input_ids"])
    encoded = tokenizer(text, return_offsets_mapping=True, verbose=False, add_special_tokens=special)
    ids = tuple(encoded["input_ids"])
    return Tokens(ids, _cut(text, [end for _start, end in encoded["offset_mapping"]]), _names(tokenizer, ids))


def tokens_of_ids(tokenizer: Any | None, ids: Sequence[int]) -> Tokens:
    """The texts and names of token ids; without a tokenizer the names are the numbers."""
    ids = tuple(ids)
    if tokenizer is None:
        return Tokens(ids, ("",) * len(ids), tuple(map(str, ids)))
    return Tokens(ids, _decoded(tokenizer, ids), _names(tokenizer, ids))


def continued(tokenizer: Any | None, prompt: Tokens, ids: Sequence[int]) -> Tokens:
    """A prompt, and the tokens that were generated after it."""
    before = prompt.ids[-_OVERLAP:]
    new = tokens_of_ids(tokenizer, [*before, *ids])
    start = len(before)
    return Tokens((*prompt.ids, *ids), prompt.texts + new.texts[start:], prompt.names + new.names[start:])


class TokenTexts(dict[int, str]):
    """Each token by itself, as text; by its name where it is no whole character. Looked up once.

    Without a tokenizer, the numbers.
    """

    def __init__(self, tokenizer: Any | None) -> None:
        super().__init__()
        self._tokenizer = tokenizer

    def __missing__(self, token_id: int) -> str:
        text = str(token_id)
        if self._tokenizer is not None:
            text = self._tokenizer.decode([token_id], skip_special_tokens=False)
            if _REPLACEMENT in text:
                text = _names(self._tokenizer, [token_id])[0]
        self[token_id] = text
        return text


def _names(tokenizer: Any, ids: Sequence[int]) -> tuple[str, ...]:
    named = tokenizer.convert_ids_to_tokens(list(ids))
    names = [str(i) if name is None else name for i, name in zip(ids, named, strict=True)]
    if tokenizer.is_fast and "ByteLevel" in repr(tokenizer.backend_tokenizer.decoder):
        names = [_part_of_character(name) or name for name in names]
    return tuple(names)


def _byte_alphabet() -> dict[str, int]:
    """The byte that each character of a byte-level vocabulary stands for (GPT-2's table)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}


_BYTES = _byte_alphabet()


def _part_of_character(name: str) -> str | None:
    """⟨E6 8E⟩ for a byte-level token whose bytes are no whole characters; None for any other."""
    if not all(c in _BYTES for c in name):
        return None
    raw = bytes(_BYTES[c] for c in name)
    try:
        raw.decode()
    except UnicodeDecodeError:
        return f"⟨{raw.hex(' ').upper()}⟩"
    return None


def _cut(text: str, ends: list[int]) -> tuple[str, ...]:
    """Cut `text` where tokens end: what a tokenizer skips goes to the token after it, the rest to the last."""
    pieces, done = [], 0
    for end in ends:
        pieces.append(text[done:end])
        done = max(done, end)
    if done < len(text):
        last = max(i for i, piece in enumerate(pieces) if piece or i == 0)
        pieces[last] += text[done:]
    return tuple(pieces)


def _decoded(tokenizer: Any, ids: tuple[int, ...]) -> tuple[str, ...]:
    """What each token adds to the decoded text.

    Decoding starts a few tokens back, so that a tokenizer that treats the first token of a
    text differently does not show it. A character in several tokens belongs to its last one.
    """
    special = set(tokenizer.all_special_ids)

    def decode(part: tuple[int, ...]) -> str:
        return str(tokenizer.decode(list(part), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    pieces, start, read = [], 0, 0
    for position, token in enumerate(ids, start=1):
        if token in special:
            pieces.append("")
            start = read = position
            continue
        before, now = decode(ids[start:read]), decode(ids[start:position])
        if now.endswith(_REPLACEMENT) and position < len(ids) and ids[position] not in special:
            pieces.append("")  # perhaps the first bytes of a character
            continue
        pieces.append(now[len(before) :])
        start, read = read, position
    return tuple(pieces)
