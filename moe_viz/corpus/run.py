"""`profile`: a model and a corpus to an `ExpertProfile`, which can be stopped and gone on with.

The file that a run writes is its journal too: it holds the counts of the first so many documents
and a digest of just these, and it is replaced as a whole. Whatever stops a run, what is in the
file was counted once, and the next run goes on behind it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from moe_viz.corpus.files import Document, Source, open_corpus
from moe_viz.corpus.reading import Reader, Tokenized, batches, chunks
from moe_viz.data.trace import RouterSite
from moe_viz.errors import InputError
from moe_viz.profiles.batch import Window, document_key
from moe_viz.profiles.count import count
from moe_viz.profiles.expert_profile import ExpertProfile, Run
from moe_viz.profiles.merge import merged, model_identity

if TYPE_CHECKING:
    from moe_viz.model.running.moe_model import MoEModel

SAVE_SECONDS = 30.0
PENDING_BYTES = 2**26
"""Counts of batches are added up when they take so much memory."""


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    documents: int
    tokens: int
    """Both with those of earlier runs that this one goes on with."""
    tokens_per_second: float
    share: float | None
    """Of the corpus, 0 to 1; None where its size is not known."""
    remaining: float | None
    """Seconds to go, at the pace so far."""


def profile(
    model: MoEModel,
    corpus: Source,
    *,
    out: str | Path | None = None,
    max_tokens_per_document: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> ExpertProfile:
    """Run `model` over a corpus and count how it routes, by domain, expert, document and token.

    `corpus` is a folder or file (`moe_viz.corpus.files` says of which kinds), a mapping from
    domains to texts, a dataset of the hub as `"hf:owner/name"` (`moe_viz.corpus.hub_dataset`
    says what may follow; it needs the package `datasets`), or `"probes"`. Of each document at
    most `max_tokens_per_document` are read; what is longer than the model's context in windows of
    that length, which know nothing of each other. With `out` the profile is written there every
    half minute and at the end, also after an error or Ctrl-C; where `out` holds part of the same
    run, it is gone on with. `stop`, asked after each batch, ends the run with what is counted so
    far. An encoder-decoder model is read by its encoder.

    Raises InputError if the corpus cannot be read, has no text, or is not the one that `out` is about.
    """
    if max_tokens_per_document is not None and max_tokens_per_document < 1:
        raise InputError(f"max_tokens_per_document is {max_tokens_per_document}; expected 1 or more")
    source = open_corpus(corpus)
    reader = Reader(model, max_tokens_per_document)
    path = None if out is None else Path(out)
    fresh = Run(reader.provenance, source.name, max_tokens_per_document, model.context, 0, 0, 0, "", complete=False)
    begun = state = _State(fresh, ()) if path is None or not path.exists() else _kept(path, fresh, reader.sites)
    documents = _behind(source.documents, state.run, path)
    clock = _Clock(state.run.tokens)
    try:
        for batch in batches(documents, reader):
            state = state.with_batch(batch, reader)
            if progress is not None:
                progress(clock.progress(state.run, batch[-1].share))
            if path is not None and clock.time_to_save():
                state = state.added_up()
                state.profile(reader).save(path)
            if stop is not None and stop():
                break
        else:
            state = replace(state, run=replace(state.run, complete=True))
    finally:
        if path is not None and state.parts and state is not begun:
            state = state.added_up()
            state.profile(reader).save(path)
    if not state.parts:
        raise InputError(f"{source.name}: there is no text in it")
    return state.profile(reader)


@dataclass(frozen=True)
class _State:
    """What is counted so far, exchanged as a whole: an interrupt never finds half a batch in it."""

    run: Run
    parts: tuple[ExpertProfile, ...]

    def with_batch(self, batch: list[Tokenized], reader: Reader) -> _State:
        """With these documents counted."""
        parts, run = self.parts, self.run
        for chunk in chunks(batch):
            routings = reader.routings([ids for _document, _opens, ids in chunk])
            windows = [
                Window(document.domain, document.key, opens, routing)
                for (document, opens, _ids), routing in zip(chunk, routings, strict=True)
            ]
            parts = (*parts, count(windows, reader.sites, run))
            if sum(_size(part) for part in parts[1:]) > PENDING_BYTES:
                parts = (merged(parts, (run,)),)
        digest = run.digest
        for document in batch:
            digest = _chained(digest, document.domain, document.key)
        read = [document for document in batch if document.windows]
        return _State(
            replace(
                run,
                documents=run.documents + len(read),
                skipped=run.skipped + len(batch) - len(read),
                tokens=run.tokens + sum(len(ids) for document in read for ids in document.windows),
                digest=digest,
            ),
            parts,
        )

    def added_up(self) -> _State:
        """The same in one part."""
        if not self.parts or (len(self.parts) == 1 and self.parts[0].runs == (self.run,)):
            return self
        return _State(self.run, (merged(self.parts, (self.run,)),))

    def profile(self, reader: Reader) -> ExpertProfile:
        """The profile so far."""
        return reader.named(self.added_up().parts[0])


class _Clock:
    """How quick a run is, and when it was saved."""

    def __init__(self, tokens: int) -> None:
        self._tokens = tokens
        self._start = self._saved = time.monotonic()
        self._first: tuple[float, float] | None = None

    def time_to_save(self) -> bool:
        """Whether the last time was long ago; if so, it is now."""
        now = time.monotonic()
        if now - self._saved < SAVE_SECONDS:
            return False
        self._saved = now
        return True

    def progress(self, run: Run, share: float | None) -> Progress:
        """How far it is. The time that is left is known from the second batch on."""
        now, remaining = time.monotonic(), None
        if share is not None:
            begun, first = self._first = self._first or (now, share)
            if share > first:
                remaining = (now - begun) * (1 - share) / (share - first)
        pace = (run.tokens - self._tokens) / max(now - self._start, 1e-9)
        return Progress(run.documents, run.tokens, pace, share, remaining)


def _kept(path: Path, fresh: Run, sites: tuple[RouterSite, ...]) -> _State:
    """What an earlier run left at `path`, if it was the same as the `fresh` one is."""
    kept = ExpertProfile.load(path)
    run = kept.runs[0]
    now, then = (
        (model_identity(of.provenance), of.corpus, of.max_tokens_per_document, of.window) for of in (fresh, run)
    )
    if len(kept.runs) > 1 or not run.digest or now != then or kept.sites != sites:
        raise InputError(
            f"{path} holds a profile of {run.provenance.model} over {run.corpus}, of which this run would not be a"
            " part; name another file, or remove it"
        )
    return _State(replace(run, complete=False), (kept,))


def _behind(documents: Iterable[Document], run: Run, path: Path | None) -> Iterator[Document]:
    """The documents that `run` has not read. Raises InputError if those it has read are not the same."""
    done, digest, number = run.documents + run.skipped, "", 0
    for number, document in enumerate(documents, start=1):
        if number > done:
            yield document
            continue
        digest = _chained(digest, document.domain, document_key(document.text.encode("utf-8", "surrogatepass")))
        if number == done and digest != run.digest:
            break
    if digest != run.digest:
        raise InputError(
            f"{path} holds the first {done:,} documents of this corpus as it was, but they are no longer the same;"
            " name another file, or remove it"
        )


def _size(part: ExpertProfile) -> int:
    """Bytes of the arrays of a part that differ most in size."""
    arrays = (part.pairs, part.adjacent_pairs, part.transitions, part.block_selections, part.block_first)
    tables = (*part.token_tables, part.group_table)
    return sum(array.nbytes for array in arrays) + sum(2 * table.keys.nbytes for table in tables)


def _chained(digest: str, domain: str, key: int) -> str:
    return hashlib.blake2b(f"{digest} {domain} {key}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
