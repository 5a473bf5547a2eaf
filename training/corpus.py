"""Text by domain: reading it, turning it into tokens, and drawing training windows from it.

A corpus is a folder with `train/<domain>.jsonl.gz` and `heldout/<domain>.jsonl.gz`, one
`{"text": ...}` per line. Three domains of program code are read from installed packages
(CPython's standard library, torch's C++ headers, ESLint's JavaScript), so that no
copy of them is needed.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import platform
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

END_OF_TEXT = "<|endoftext|>"
HELD_OUT_FILES = 0.06
CODE_BYTES = 8_000_000
LARGEST_CODE_FILE = 100_000
"""Characters; larger files are mostly generated, or tables."""
TORCH_HEADERS = ("ATen", "c10", "torch")
LEFT_OUT = {"site-packages", "test", "tests", "idlelib", "lib2to3", "node_modules", "__pycache__"}
GENERATED = {"ops", "encodings", "pydoc_data"}
"""Folders of torch's operators and of CPython's character tables and topics: one file is like the next."""


def end_of_text_id(tokenizer: Tokenizer) -> int:
    """The token that stands between documents. Raises ValueError if this vocabulary has none."""
    found = tokenizer.token_to_id(END_OF_TEXT)
    if found is None:
        raise ValueError(f"the vocabulary has no {END_OF_TEXT}: it was not made by training/tokenizer.py")
    return int(found)


@dataclass(frozen=True)
class Split:
    """The documents of one domain: training documents and held-out documents."""

    train: list[str]
    heldout: list[str]


def read_corpus(folder: Path, javascript: Path) -> dict[str, Split]:
    """Read every domain of `folder`, and the three code domains, in alphabetical order.

    Raises FileNotFoundError if the folder has no `train/*.jsonl.gz`.
    """
    names = sorted(p.name.removesuffix(".jsonl.gz") for p in (folder / "train").glob("*.jsonl.gz"))
    if not names:
        raise FileNotFoundError(
            f"no train/<domain>.jsonl.gz under {folder}: name the folder that holds train/ and heldout/"
        )
    domains = {
        name: Split(*(_read_jsonl(folder / part / f"{name}.jsonl.gz") for part in ("train", "heldout")))
        for name in names
    }
    include = Path(torch.__file__).parent / "include"
    headers = [path for folder in TORCH_HEADERS for path in (include / folder).rglob("*.h")]
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    domains["python"] = _read_code(stdlib, stdlib.rglob("*.py"))
    domains["cpp"] = _read_code(include, headers)
    domains["javascript"] = _read_code(javascript, javascript.rglob("*.js"))
    return dict(sorted((name, split) for name, split in domains.items() if split.train))


def _read_jsonl(path: Path) -> list[str]:
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def _read_code(folder: Path, paths: Iterable[Path]) -> Split:
    """The source files `paths` below `folder`, in an order fixed by their names' hashes, up to CODE_BYTES."""
    names = [path.relative_to(folder) for path in paths]
    kept = [name for name in names if not (LEFT_OUT | GENERATED) & set(name.parts)]

    def digest(name: Path) -> bytes:
        return hashlib.sha256(name.as_posix().encode()).digest()

    split, size = Split([], []), 0
    for name in sorted(kept, key=digest):
        text = (folder / name).read_text(encoding="utf-8", errors="ignore")
        if size > CODE_BYTES or not 300 <= len(text) <= LARGEST_CODE_FILE:
            continue
        size += len(text)
        held = int.from_bytes(digest(name)[:4]) / 2**32 < HELD_OUT_FILES
        (split.heldout if held else split.train).append(text)
    return split


def code_versions(javascript: Path) -> dict[str, str]:
    """Versions of the installed packages whose program code is read."""
    versions = {"CPython": platform.python_version(), "torch": torch.__version__}
    package = javascript.parent / "package.json"
    if package.exists():
        versions["ESLint"] = json.loads(package.read_text(encoding="utf-8"))["version"]
    return versions


@dataclass(frozen=True)
class Stream:
    """One domain's training documents as one token stream, and the positions where lines begin."""

    tokens: np.ndarray
    line_starts: np.ndarray


def encode_streams(domains: Mapping[str, Split], tokenizer: Tokenizer, cache: Path) -> dict[str, Stream]:
    """Tokenise the training documents once; later calls read them from `cache`."""
    if not cache.exists():
        end = end_of_text_id(tokenizer)
        arrays: dict[str, Any] = {}
        for name, split in domains.items():
            encoded = tokenizer.encode_batch_fast(split.train)
            arrays[name] = np.concatenate([np.array([*e.ids, end], dtype=np.uint16) for e in encoded])
        np.savez(cache, **arrays)
    newline = [i for i in range(tokenizer.get_vocab_size()) if "\n" in tokenizer.decode([i], skip_special_tokens=False)]
    newline.append(end_of_text_id(tokenizer))
    with np.load(cache) as saved:
        return {
            name: Stream(saved[name], np.flatnonzero(np.isin(saved[name][:-1], newline)) + 1) for name in saved.files
        }


class Windows:
    """Draws batches of training windows, the same for the same seed and step.

    Domains are drawn equally often, those named in `often` twice as often. Half of the
    windows hold one domain. The others change kind every 24 to 128 tokens, at
    the start of a line, with a blank line or an end of text between: the router must learn
    to notice that the text has changed.
    """

    def __init__(self, streams: dict[str, Stream], tokenizer: Tokenizer, seed: int, often: Sequence[str] = ()) -> None:
        self._streams = [*streams.values(), *(streams[name] for name in often)]
        self._seed = seed
        blank_line = tokenizer.encode("\n\n").ids
        self._joints = [blank_line, blank_line, [end_of_text_id(tokenizer)]]

    def batch(self, step: int, rows: int, length: int) -> torch.Tensor:
        """Token ids `[rows, length + 1]` of training step `step`."""
        rng = np.random.default_rng([self._seed, step])
        drawn = [self._window(rng, length + 1) for _ in range(rows)]
        return torch.from_numpy(np.stack(drawn).astype(np.int64))

    def _window(self, rng: np.random.Generator, length: int) -> np.ndarray:
        if rng.random() < 0.5:
            stream = self._streams[rng.integers(len(self._streams))].tokens
            start = rng.integers(max(1, len(stream) - length))
            return np.resize(stream[start : start + length], length)
        parts = list(self._segments(rng, length))
        return np.concatenate(parts)[:length]

    def _segments(self, rng: np.random.Generator, length: int) -> Iterator[np.ndarray]:
        filled = 0
        while filled < length:
            stream = self._streams[rng.integers(len(self._streams))]
            start = rng.choice(stream.line_starts) if len(stream.line_starts) else 0
            joint = self._joints[rng.integers(len(self._joints))]
            part = np.concatenate([stream.tokens[start : start + rng.integers(24, 129)], joint])
            filled += len(part)
            yield part
