"""What experts write, measured by the engine one text at a time."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from moe_viz.corpus.document import in_turn
from moe_viz.data.expert_outputs import ExpertOutputs
from moe_viz.data.provenance import Provenance, model_identity
from moe_viz.engine.background import Background, StepEngine, Steps
from moe_viz.errors import InputError, ModelError
from moe_viz.ui.session.profile_view import Texts

if TYPE_CHECKING:
    from moe_viz.model.experts.expert_outputs import OutputReader
    from moe_viz.model.running.moe_model import MoEModel

TEXTS, CHARACTERS = 57, 1000
"""At most this many texts are read, one of each domain in turn, and at most this many characters of each."""


def measure_outputs(
    engine: StepEngine, owner: str, corpus: str, texts: Texts, of: Provenance
) -> Background[ExpertOutputs]:
    """Begin to measure. `corpus` says in words what the texts are; `of` is the model that is expected.

    A run that is stopped has no result.
    """
    read = [document.text[:CHARACTERS] for document in islice(in_turn(texts), TEXTS)]

    def work(steps: Steps[ExpertOutputs]) -> None:
        reader = steps.use(partial(_reader, of))
        for text in read:
            steps.use(partial(_read, reader, text))
            steps.done += 1
        steps.result = steps.use(lambda _model: reader.outputs(corpus))

    return Background(engine, owner, work, total=len(read), name="measuring outputs")


def _reader(of: Provenance, model: MoEModel) -> OutputReader:
    from moe_viz.model.experts.expert_outputs import OutputReader  # with torch, which is there once there is a model

    if model_identity(model.provenance()) != model_identity(of):
        raise ModelError(f"this profile is of {of.model}, and another model is in use; load {of.model}")
    return OutputReader(model)


def _read(reader: OutputReader, text: str, model: MoEModel) -> None:
    """Add the beginning of a text; a text that cannot be read, such as an empty one, is left out."""
    try:
        tokens = model.tokenize(text)
    except InputError:
        return
    reader.read(tokens)
