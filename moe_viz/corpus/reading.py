"""From documents to windows of tokens, in batches that are read and counted together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from moe_viz.corpus.document import Document
from moe_viz.data.arrays import TokenIds
from moe_viz.errors import InputError, ModelError
from moe_viz.model.running.tokens import TokenTexts
from moe_viz.profiles.corpus_run import CorpusRun
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.profiles.routed_batch import RoutedWindow, document_key

if TYPE_CHECKING:
    from moe_viz.model.running.moe_model import MoEModel

BATCH_TOKENS = 4096
"""This many tokens, or one document, are counted at a time."""


class TokenWindow(NamedTuple):
    """A stretch of one document as the tokens that a model reads."""

    opens: bool
    """Whether the document begins with it."""
    token_ids: TokenIds


class TokenizedDocument(NamedTuple):
    """A document in windows."""

    domain: str
    key: int
    """`document_key` of its text."""
    windows: tuple[TokenWindow, ...]
    """Empty if the text is empty."""
    share: float | None
    """As in `Document`."""


class CorpusReader:
    """One model as a reader of documents."""

    def __init__(self, model: MoEModel, max_tokens_per_document: int | None = None) -> None:
        """Raises InputError if the model has no tokenizer, or fewer than one token is to be read of a document."""
        from moe_viz.model.running.read_routed import routed_provenance, routed_sites

        if model.tokenizer is None:
            raise InputError("this model was attached without a tokenizer, which a corpus of text needs")
        if max_tokens_per_document is not None and max_tokens_per_document < 1:
            raise InputError(f"max_tokens_per_document is {max_tokens_per_document}; expected 1 or more")
        self._model, self._tokenizer, self._most = model, model.tokenizer, max_tokens_per_document
        self._texts = TokenTexts(model.tokenizer)
        self.sites = routed_sites(model)
        self.window = model.context
        """A longer document is read in windows of this many tokens, which know nothing of each other. None: whole."""
        self.shortened = 0
        """How many documents had more than `max_tokens_per_document` tokens, of those read so far."""
        self._provenance = routed_provenance(model)

    def run(self, corpus: str) -> CorpusRun:
        """A new run over a corpus, named in words; nothing is read yet."""
        return CorpusRun(self._provenance, corpus, self._most, self.window, 0, 0, 0, "", complete=False)

    def batches(self, documents: Iterable[Document]) -> Iterator[list[TokenizedDocument]]:
        """The documents as tokens, about `BATCH_TOKENS` at a time."""
        batch: list[TokenizedDocument] = []
        tokens = 0
        for document in documents:
            batch.append(self._tokenized(document))
            tokens += sum(len(window.token_ids) for window in batch[-1].windows)
            if tokens >= BATCH_TOKENS:
                yield batch
                batch, tokens = [], 0
        if batch:
            yield batch

    def routed(self, chunk: list[tuple[TokenizedDocument, TokenWindow]]) -> Iterator[list[RoutedWindow] | None]:
        """Read some windows: None after each forward pass, and at last the windows with their routing.

        Raises ModelError if the model's routing rule changed since this reader was made.
        """
        from moe_viz.model.running.read_routed import passes, read_routed, routed_sites

        ids = [window.token_ids for _document, window in chunk]
        found: dict[int, RoutedWindow] = {}
        for rows in passes(self._model, ids):
            for row, routing in zip(rows, read_routed(self._model, [ids[row] for row in rows]), strict=True):
                document, window = chunk[row]
                found[row] = RoutedWindow(document.domain, document.key, window.opens, routing)
            if routed_sites(self._model) != self.sites:
                raise ModelError("the model's routing rule was changed while its texts were read: measure it anew")
            yield None
        yield [found[row] for row in range(len(chunk))]

    def named(self, profile: ExpertProfile) -> ExpertProfile:
        """The profile with its tokens' texts."""
        known = profile.token_texts
        met = np.flatnonzero(profile.occurrences.any(axis=0)).tolist()
        return replace(profile, token_texts={token: known.get(token) or self._texts[token] for token in met})

    def _tokenized(self, document: Document) -> TokenizedDocument:
        text = document.text
        key = document_key(text.encode("utf-8", "surrogatepass"))
        ids = np.zeros(0, dtype=np.int32)
        if text.strip():
            clean = text.encode("utf-8", "replace").decode()  # a lone surrogate is no character
            ids = np.array(self._tokenizer(clean, verbose=False)["input_ids"], dtype=np.int32)
            self.shortened += len(ids) > (self._most or len(ids))
            ids = ids[: self._most]
        length = self.window or max(1, len(ids))
        windows = tuple(TokenWindow(start == 0, ids[start : start + length]) for start in range(0, len(ids), length))
        return TokenizedDocument(document.domain, key, windows, document.share)


def chunks(batch: list[TokenizedDocument]) -> Iterator[list[tuple[TokenizedDocument, TokenWindow]]]:
    """The windows of a batch, each with its document, about `BATCH_TOKENS` at a time."""
    chunk: list[tuple[TokenizedDocument, TokenWindow]] = []
    tokens = 0
    for document in batch:
        for window in document.windows:
            chunk.append((document, window))
            tokens += len(window.token_ids)
            if tokens >= BATCH_TOKENS:
                yield chunk
                chunk, tokens = [], 0
    if chunk:
        yield chunk
