"""`profile`: a model and a corpus to an `ExpertProfile`, which can be stopped and continued.

The file that a run writes is its journal too: it holds the counts of the first documents and a
digest of just these, and it is replaced as a whole. Whatever stops a run, what is in the file
was counted once, and the next run continues behind it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from moe_viz.corpus.document import Corpus, Document
from moe_viz.corpus.files import Source, open_corpus
from moe_viz.corpus.measure import Measured, measure, next_digest
from moe_viz.corpus.reading import CorpusReader
from moe_viz.data.provenance import model_identity
from moe_viz.errors import InputError
from moe_viz.profiles.corpus_run import CorpusRun
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.profiles.routed_batch import document_key

if TYPE_CHECKING:
    from moe_viz.model.running.moe_model import MoEModel

SAVE_SECONDS = 30.0
"""How often a run is written to its file."""


@dataclass(frozen=True)
class Progress:
    """The progress of a run."""

    documents: int
    tokens: int
    """Documents and tokens, including earlier runs that this one continues."""
    tokens_per_second: float
    share: float | None
    """The part of the corpus that is read, 0 to 1; None if its size is not known."""
    remaining: float | None
    """Seconds left, at the pace so far."""


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

    An encoder-decoder model is read by its encoder. What is longer than the model's
    context is read in windows of that length, which know nothing of each other.

    model: what `load` or `attach` gives, with a tokenizer.
    corpus: a folder or file (`moe_viz.corpus.files` lists the kinds); a mapping from domains to
        texts; a dataset of the hub as `"hf:owner/name"` (`moe_viz.corpus.hub_dataset` says what may
        follow; it needs the package `datasets`); or `"probes"`, the texts that come with moe_viz.
    out: where the profile is written every half minute and at the end, also after an error or
        Ctrl-C. If the file holds part of the same run, the run continues behind it.
    max_tokens_per_document: at most how many tokens of each document are read; by default all.
    progress: called after each batch.
    stop: asked after each batch; True ends the run with what is counted so far.

    Raises InputError if the corpus cannot be read, has no text, or is not the one that `out` is about.

    >>> import moe_viz
    >>> with moe_viz.load("demo") as model:
    ...     profile = moe_viz.profile(model, {"code": ["def area(r):"], "verse": ["O rose", "The moon"]})
    >>> profile.domains
    ('code', 'verse')
    >>> profile.runs[0].documents
    3
    """
    source = open_corpus(corpus)
    reader = CorpusReader(model, max_tokens_per_document)
    path = None if out is None else Path(out)
    begun = state = saved = _begun(path, reader, source.name)
    clock = _Clock(state.run.tokens)
    try:
        for now in measure(reader, Corpus(source.name, _behind(source.documents, state.run, path)), begun):
            if now is state:  # a pass between two batches
                continue
            state = now
            if state.run.complete:
                break
            if progress is not None:
                progress(clock.progress(state.run, state.share))
            if path is not None and clock.time_to_save():
                _save(state, reader, path)
                saved = state
            if stop is not None and stop():
                break
    finally:
        if path is not None and state is not saved:
            _save(state, reader, path)
    return state.profile(reader)


def _save(state: Measured, reader: CorpusReader, path: Path) -> None:
    if state.parts:
        state.profile(reader).save(path)


class _Clock:
    """The speed of a run, and when it was saved."""

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

    def progress(self, run: CorpusRun, share: float | None) -> Progress:
        """How far it is. The time that is left is known from the second batch on."""
        now, remaining = time.monotonic(), None
        if share is not None:
            begun, first = self._first = self._first or (now, share)
            if share > first:
                remaining = (now - begun) * (1 - share) / (share - first)
        pace = (run.tokens - self._tokens) / max(now - self._start, 1e-9)
        return Progress(run.documents, run.tokens, pace, share, remaining)


def _begun(path: Path | None, reader: CorpusReader, corpus: str) -> Measured:
    """The profile that an earlier run left at `path`, if it was of the same model over the same corpus."""
    fresh = reader.run(corpus)
    if path is None or not path.exists():
        return Measured(fresh)
    kept = ExpertProfile.load(path)
    run = kept.runs[0]
    now, then = (
        (model_identity(of.provenance), of.corpus, of.max_tokens_per_document, of.window) for of in (fresh, run)
    )
    if len(kept.runs) > 1 or not run.digest or now != then or kept.sites != reader.sites:
        raise InputError(
            f"{path} holds a profile of {run.provenance.model} over {run.corpus}, and this run is not a part of"
            " it; name another file, or remove it"
        )
    return Measured(replace(run, complete=False), (kept,))


def _behind(documents: Iterable[Document], run: CorpusRun, path: Path | None) -> Iterator[Document]:
    """The documents that `run` has not read. Raises InputError if those it has read are not the same."""
    done, digest, number = run.documents + run.skipped, "", 0
    for number, document in enumerate(documents, start=1):
        if number > done:
            yield document
            continue
        digest = next_digest(digest, document.domain, document_key(document.text.encode("utf-8", "surrogatepass")))
        if number == done and digest != run.digest:
            break
    if digest != run.digest:
        raise InputError(
            f"{path} holds the first {done:,} documents of this corpus, but these documents have changed"
            " since; name another file, or remove it"
        )
