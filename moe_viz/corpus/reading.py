"""From documents to batches of tokens, and from tokens to routing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from moe_viz.corpus.files import Document
from moe_viz.data.routing import Routing
from moe_viz.data.trace import TokenIds
from moe_viz.errors import InputError
from moe_viz.model.running.tokens import TokenTexts
from moe_viz.profiles.batch import document_key
from moe_viz.profiles.expert_profile import ExpertProfile

if TYPE_CHECKING:
    from moe_viz.model.running.moe_model import MoEModel

BATCH_TOKENS = 4096
"""So many tokens, or one document, are counted at a time."""


class Tokenized(NamedTuple):
    """A document as the tokens that a model reads."""

    domain: str
    key: int
    windows: list[TokenIds]
    """None, if the text is empty."""
    share: float | None


class Reader:
    """Text to tokens, and tokens to routing, of one model."""

    def __init__(self, model: MoEModel, most: int | None) -> None:
        from moe_viz.model.running.read_routed import routed_provenance, routed_sites

        if model.tokenizer is None:
            raise InputError("this model was attached without a tokenizer, which a corpus of text needs")
        self._model, self._tokenizer, self._most = model, model.tokenizer, most
        self._texts = TokenTexts(model.tokenizer)
        self.sites = routed_sites(model)
        self.provenance = routed_provenance(model)

    def tokenized(self, document: Document) -> Tokenized:
        """The document in windows of the model's context."""
        text = document.text
        key = document_key(text.encode("utf-8", "surrogatepass"))
        ids = np.zeros(0, dtype=np.int32)
        if text.strip():
            clean = text.encode("utf-8", "replace").decode()  # a lone surrogate is no character
            ids = np.array(self._tokenizer(clean, verbose=False)["input_ids"][: self._most], dtype=np.int32)
        length = self._model.context or max(1, len(ids))
        windows = [ids[start : start + length] for start in range(0, len(ids), length)]
        return Tokenized(document.domain, key, windows, document.share)

    def routings(self, windows: list[TokenIds]) -> list[Routing]:
        """How the model routes each."""
        from moe_viz.model.running.read_routed import read_routed

        return read_routed(self._model, windows)

    def named(self, profile: ExpertProfile) -> ExpertProfile:
        """The profile with its tokens' texts."""
        known = profile.token_texts
        met = np.flatnonzero(profile.occurrences.any(axis=0)).tolist()
        return replace(profile, token_texts={token: known.get(token) or self._texts[token] for token in met})


def batches(documents: Iterable[Document], reader: Reader) -> Iterator[list[Tokenized]]:
    batch: list[Tokenized] = []
    tokens = 0
    for document in documents:
        batch.append(reader.tokenized(document))
        tokens += sum(map(len, batch[-1].windows))
        if tokens >= BATCH_TOKENS:
            yield batch
            batch, tokens = [], 0
    if batch:
        yield batch


def chunks(batch: list[Tokenized]) -> Iterator[list[tuple[Tokenized, bool, TokenIds]]]:
    """The windows of a batch, with whether each opens its document, about `BATCH_TOKENS` at a time."""
    chunk: list[tuple[Tokenized, bool, TokenIds]] = []
    tokens = 0
    for document in batch:
        for index, ids in enumerate(document.windows):
            chunk.append((document, index == 0, ids))
            tokens += len(ids)
            if tokens >= BATCH_TOKENS:
                yield chunk
                chunk, tokens = [], 0
    if chunk:
        yield chunk
