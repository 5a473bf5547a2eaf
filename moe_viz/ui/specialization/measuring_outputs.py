"""What experts write, on its way through the engine, in the background: a text at a time."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from moe_viz.data.expert_outputs import ExpertOutputs
from moe_viz.data.provenance import Provenance, model_identity
from moe_viz.engine import Engine
from moe_viz.errors import InputError, ModelError, MoeVizError, StoppedError
from moe_viz.ui.specialization.measuring import Texts, in_turn

if TYPE_CHECKING:
    from moe_viz.model.experts.expert_outputs import OutputReader
    from moe_viz.model.running.moe_model import MoEModel

TEXTS, CHARACTERS = 57, 1000
"""At most so many texts are read, a text of each domain and then the next, and so much of each."""
_GLANCE = 0.25
"""How often a wait looks whether it is to stop, in seconds."""

Result = TypeVar("Result")
_log = logging.getLogger(__name__)


class ReadingOutputs:
    """Outputs under way, or what came of it. When nobody holds it any more, it stops."""

    def __init__(self, engine: Engine, owner: str, corpus: str, texts: Texts, of: Provenance) -> None:
        """Start at once. `corpus` says in words what the texts are, and `of` of which model the outputs are to be."""
        self._work = work = _Work(engine, owner, corpus, [text for _domain, text in islice(in_turn(texts), TEXTS)], of)
        weakref.finalize(self, work.stopping.set)
        threading.Thread(target=work.run, name="moe_viz-outputs", daemon=True).start()

    @property
    def over(self) -> bool:
        """Whether it is finished, stopped or failed."""
        return self._work.over.is_set()

    @property
    def outputs(self) -> ExpertOutputs | None:
        """What was read, once it is over; None if it was stopped or failed."""
        return self._work.outputs

    @property
    def error(self) -> str | None:
        """Why there is nothing."""
        return self._work.error

    @property
    def share(self) -> float:
        """How far it is, 0 to 1."""
        return self._work.done / max(1, len(self._work.texts))

    def stop(self) -> None:
        """End it, without an outcome."""
        self._work.stopping.set()


class _Work:
    """What the thread does; it knows nothing of who looks at it."""

    def __init__(self, engine: Engine, owner: str, corpus: str, texts: Sequence[str], of: Provenance) -> None:
        self.stopping, self.over = threading.Event(), threading.Event()
        self.texts = texts
        self.done = 0
        self.outputs: ExpertOutputs | None = None
        self.error: str | None = None
        self._engine, self._owner, self._corpus, self._of = engine, owner, corpus, of

    def run(self) -> None:
        """Read all texts; the engine has one of them at a time, so that others have their turn."""
        try:
            reader = self._answer(self._reader)
            for text in self.texts:
                self._answer(partial(_read, reader, text))
                self.done += 1
            self.outputs = self._answer(lambda _model: reader.outputs(self._corpus))
        except StoppedError:
            pass
        except MoeVizError as error:
            self.error = str(error)
        except Exception as error:  # noqa: BLE001 - a page must be able to say whatever it is
            _log.exception("reading outputs failed")
            self.error = f"reading what the experts write failed ({type(error).__name__}: {error})"
        self.over.set()

    def _reader(self, model: MoEModel) -> OutputReader:
        from moe_viz.model.experts.expert_outputs import (
            OutputReader,  # with torch, which is there once there is a model
        )

        if model_identity(model.provenance()) != model_identity(self._of):
            raise ModelError(f"another model is in use than {self._of.model}, of which this profile is; load that one")
        return OutputReader(model)

    def _answer(self, work: Callable[[MoEModel], Result]) -> Result:
        """What the engine makes of `work`. Raises StoppedError if it is to stop."""
        answer: Future[Result] = self._engine.use(work, self._owner)
        while not self.stopping.is_set():
            try:
                return answer.result(timeout=_GLANCE)
            except TimeoutError:
                continue
        answer.cancel()
        raise StoppedError("stopped")


def _read(reader: OutputReader, text: str, model: MoEModel) -> None:
    """Count the beginning of a text in; one that cannot be read, such as an empty one, is left out."""
    try:
        tokens = model.tokenize(text[:CHARACTERS])
    except InputError:
        return
    reader.read(tokens)
