"""Text to token ids, and token ids back to the text that each stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from moe_viz.errors import InputError

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Tokens:
    """Token ids, the text that each stands for, and each one's name in the vocabulary."""

    ids: tuple[int, ...]
    texts: tuple[str, ...]
    names: tuple[str, ...]


def in_chat(tokenizer: Any, text: str) -> str:
    """`text` as a user's turn in the tokenizer's chat template, up to where the answer begins.

    Raises InputError if the tokenizer has none.
    """
    if not tokenizer.chat_template:
        raise InputError("this model's tokenizer has no chat template: continue the text as it is")
    turn = [{"role": "user", "content": text}]
    return str(tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True))


def tokens_of_text(tokenizer: Any, text: str, special: bool = True) -> Tokens:
    """Tokenise `text` as the model expects it, with the special tokens that the tokenizer adds.

    The texts joined give `text` back where the tokenizer says which characters a token
    covers. A lone surrogate is no character: it is read, and shown, as U+FFFD.
    Raises InputError if the text is blank.
    """
    if not text.strip():
        raise InputError("the text is empty: type or paste something, then run it")
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
