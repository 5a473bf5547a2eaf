"""Texts become a profile, one forward pass at a time, between other people's requests."""

from __future__ import annotations

from moe_viz.corpus.document import Corpus, in_turn
from moe_viz.corpus.measure import measure
from moe_viz.corpus.reading import CorpusReader
from moe_viz.engine.background import Background, StepEngine, Steps
from moe_viz.settings import settings
from moe_viz.ui.session.profile_view import Measured, Texts


def measure_profile(engine: StepEngine, owner: str, corpus: str, texts: Texts) -> Background[Measured]:
    """Begin to count how the engine's model routes `texts`: as `moe_viz.profile` does, and the same profile.

    `corpus` says in words what the texts are. Of each text the first `measure_tokens` of the settings are read.
    A run that is stopped keeps the profile of the texts read so far.
    """
    most = settings().measure_tokens

    def work(steps: Steps[Measured]) -> None:
        reader = steps.use(lambda model: CorpusReader(model, most))
        counting = measure(reader, Corpus(corpus, in_turn(texts)))
        counted = None
        try:
            while (now := steps.use(lambda _model: next(counting, None))) is not None:
                counted = now
                steps.done, steps.tokens = now.run.documents + now.run.skipped, now.run.tokens
        finally:
            if counted is not None and (counted.parts or counted.run.complete):
                steps.result = Measured(counted.profile(reader), reader.shortened)

    return Background(engine, owner, work, total=sum(map(len, texts.values())), name="measuring")
