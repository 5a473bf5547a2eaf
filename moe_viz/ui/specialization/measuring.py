"""Texts on their way to a profile: `moe_viz.profile`, a few texts at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import moe_viz
from moe_viz.engine.background import Background, StepEngine, Steps
from moe_viz.errors import InputError
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.profiles.merge import merged
from moe_viz.settings import settings
from moe_viz.ui.session.profile_view import Measured, Texts

if TYPE_CHECKING:
    from moe_viz.model.running.moe_model import MoEModel

_STEP_CHARACTERS = 16_384
"""The texts of one step have at most so many characters together, or are one text: about a pass of the model."""
_PARTS = 32
"""Counts of steps are added up when there are so many."""

DomainText = tuple[str, str]
"""A text's domain, and the text."""


class _Part(NamedTuple):
    profile: ExpertProfile | None
    shortened: int


def measure_profile(engine: StepEngine, owner: str, corpus: str, texts: Texts) -> Background[Measured]:
    """Begin to count how the engine's model routes `texts`: as `moe_viz.profile` does, and the same profile.

    `corpus` says in words what the texts are. Of each text the first `measure_tokens` of the settings are read. What
    is stopped keeps the profile of the texts that were read.
    """
    most = settings().measure_tokens

    def work(steps: Steps[Measured]) -> None:
        parts: list[ExpertProfile] = []
        shortened, complete = 0, False
        try:
            for batch in _batches(list(in_turn(texts))):
                part = steps.use(lambda model, batch=batch: _measured(model, batch, most))  # type: ignore[misc]
                shortened += part.shortened
                steps.done += len(batch)
                if part.profile is not None:
                    parts.append(part.profile)
                    steps.tokens += int(part.profile.tokens.sum())
                if len(parts) >= _PARTS:
                    parts = [_added_up(parts, corpus, steps, complete=False)]
            complete = True
        finally:
            if parts:
                steps.result = Measured(_added_up(parts, corpus, steps, complete=complete), shortened)
        if not parts:
            raise InputError("there is no text in what was brought; write or upload some")

    return Background(engine, owner, work, total=sum(map(len, texts.values())), name="measuring")


def in_turn(texts: Texts) -> Iterator[DomainText]:
    """A text of each domain, then the next of each: what is stopped early has something of all."""
    for number in range(max(map(len, texts.values()), default=0)):
        for domain, own in texts.items():
            if number < len(own):
                yield domain, own[number]


def _batches(documents: Sequence[DomainText]) -> Iterator[list[DomainText]]:
    batch: list[DomainText] = []
    for domain, text in documents:
        if batch and sum(len(other) for _domain, other in batch) + len(text) > _STEP_CHARACTERS:
            yield batch
            batch = []
        batch.append((domain, text))
    if batch:
        yield batch


def _measured(model: MoEModel, batch: Sequence[DomainText], most: int) -> _Part:
    """The profile of a few texts; None if all of them are empty."""
    by_domain: dict[str, list[str]] = {}
    for domain, text in batch:
        by_domain.setdefault(domain, []).append(text)
    if not any(text.strip() for _domain, text in batch):
        return _Part(None, 0)
    profile = moe_viz.profile(model, by_domain, max_tokens_per_document=most)
    return _Part(profile, sum(_longer(model, text, most) for _domain, text in batch))


def _longer(model: MoEModel, text: str, most: int) -> bool:
    """Whether a text has more than `most` tokens; none has more than bytes."""
    written = text.encode("utf-8", "replace")
    if len(written) <= most or model.tokenizer is None:
        return False
    return len(model.tokenizer(written.decode(), verbose=False)["input_ids"]) > most


def _added_up(parts: Sequence[ExpertProfile], corpus: str, steps: Steps[Measured], *, complete: bool) -> ExpertProfile:
    """All parts as one profile of one run."""
    runs = [run for part in parts for run in part.runs]
    documents = sum(run.documents for run in runs)
    run = replace(
        runs[0],
        corpus=corpus,
        documents=documents,
        skipped=steps.done - documents,
        tokens=sum(run.tokens for run in runs),
        digest="",
        complete=complete,
    )
    return merged(parts, (run,))
