"""`measure`: the one way from a model and a corpus to counts, a forward pass at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from moe_viz.corpus.document import Corpus
from moe_viz.corpus.reading import CorpusReader, TokenizedDocument, chunks
from moe_viz.errors import InputError
from moe_viz.profiles.corpus_run import CorpusRun
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.profiles.merge import merged

PENDING_BYTES = 2**26
"""Counts of batches are added up when they take this much memory."""


@dataclass(frozen=True)
class Measured:
    """The counts so far, replaced as a whole: an interrupt never finds half a batch in them."""

    run: CorpusRun
    """How many documents and tokens are counted, and whether the corpus has ended."""
    parts: tuple[ExpertProfile, ...] = ()
    """Parts that add up to the profile, without the tokens' names."""
    share: float | None = None
    """How much of the corpus was read, 0 to 1; None where that is not known."""

    def added_up(self) -> Measured:
        """The same with its parts added up. Raises InputError if nothing is counted."""
        if not self.parts:
            raise InputError(f"{self.run.corpus}: there is no text in it")
        if len(self.parts) == 1 and self.parts[0].runs == (self.run,):
            return self
        return replace(self, parts=(merged(self.parts, (self.run,)),))

    def profile(self, reader: CorpusReader) -> ExpertProfile:
        """The profile so far, with the tokens' names. Raises InputError if nothing is counted."""
        return reader.named(self.added_up().parts[0])


def measure(reader: CorpusReader, corpus: Corpus, begun: Measured | None = None) -> Iterator[Measured]:
    """Count how a model routes a corpus, step by step: the caller decides when the next step is made.

    A step is one forward pass (at most `PASS_TOKENS` of `moe_viz.model.running.read_routed`, or one
    window), or the counting of the passes before it. What is counted changes at the end of each
    batch of about 4,096 tokens; between passes the same value is given again. The last value says
    that its run is complete. `begun` is what was counted before the corpus's first document.

    Documents are read whole, in windows of the model's context. The
    profile does not depend on the order of the documents, except for rounding where documents
    share passes. With an engine, whose worker takes turns between its sessions:

        reader = engine.use(CorpusReader, owner).result()
        steps = measure(reader, Corpus("texts that were added", in_turn(texts)))
        while not stopping and (now := engine.use(lambda _model: next(steps, None), owner).result()):
            measured = now
        profile = measured.profile(reader)

    Raises InputError where the corpus cannot be read.
    """
    state = begun or Measured(reader.run(corpus.name))
    for batch in reader.batches(corpus.documents):
        parts = state.parts
        for chunk in chunks(batch):
            for windows in reader.routed(chunk):
                if windows is None:
                    yield state
                    continue
                parts = (*parts, ExpertProfile.of_windows(windows, reader.sites, state.run))
                if sum(_size(part) for part in parts[1:]) > PENDING_BYTES:
                    parts = (merged(parts, (state.run,)),)
        state = Measured(_with_batch(state.run, batch), parts, batch[-1].share)
        yield state
    yield replace(state, run=replace(state.run, complete=True))


def next_digest(digest: str, domain: str, key: int) -> str:
    """The digest of the documents read so far, from that before the last document and that one's domain and key."""
    return hashlib.blake2b(f"{digest} {domain} {key}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _with_batch(run: CorpusRun, batch: list[TokenizedDocument]) -> CorpusRun:
    """The run with these documents read."""
    digest = run.digest
    for document in batch:
        digest = next_digest(digest, document.domain, document.key)
    read = [document for document in batch if document.windows]
    return replace(
        run,
        documents=run.documents + len(read),
        skipped=run.skipped + len(batch) - len(read),
        tokens=run.tokens + sum(len(window.token_ids) for document in read for window in document.windows),
        digest=digest,
    )


def _size(part: ExpertProfile) -> int:
    """Bytes of the arrays of a part that differ most in size."""
    arrays = (part.pairs, part.adjacent_pairs, part.transitions, part.block_selections, part.block_first)
    tables = (*part.token_tables, part.group_table)
    return sum(array.nbytes for array in arrays) + sum(2 * table.keys.nbytes for table in tables)
