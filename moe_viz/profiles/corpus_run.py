"""`CorpusRun`: one pass of a model over a corpus. `TokenGroup`: which tokens are counted together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moe_viz.data.provenance import Provenance, provenance_from


@dataclass(frozen=True, order=True)
class TokenGroup:
    """Tokens that are counted together: the given tokens of one domain, or the ones that the model generated."""

    domain: str
    generated: bool


@dataclass(frozen=True)
class CorpusRun:
    """One pass over one corpus, from which counts come."""

    provenance: Provenance
    corpus: str
    """What the text is, in words."""
    max_tokens_per_document: int | None
    window: int | None
    """Documents longer than this many tokens were read in windows that know nothing of each other."""
    documents: int
    """How many were counted ..."""
    skipped: int
    """... and how many were empty."""
    tokens: int
    digest: str
    """Digest of the documents read so far, in their order; empty if it is not known."""
    complete: bool
    """False: the run was stopped before the end of the corpus."""


def corpus_run_from(fields: dict[str, Any]) -> CorpusRun:
    """A `CorpusRun` from its fields as JSON keeps them."""
    most, window = fields["max_tokens_per_document"], fields["window"]
    return CorpusRun(
        provenance=provenance_from(fields["provenance"]),
        corpus=str(fields["corpus"]),
        max_tokens_per_document=None if most is None else int(most),
        window=None if window is None else int(window),
        documents=int(fields["documents"]),
        skipped=int(fields["skipped"]),
        tokens=int(fields["tokens"]),
        digest=str(fields["digest"]),
        complete=bool(fields["complete"]),
    )
