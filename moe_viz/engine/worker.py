"""The only thread that runs a model: in turn a batch of texts, and one token for each text that is continued."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from moe_viz.engine.batch import Request, fail, said, serve, tokenized
from moe_viz.engine.job import Job
from moe_viz.engine.meter import log
from moe_viz.engine.request_queues import UNLOADED, RequestQueues
from moe_viz.errors import EngineError, MoeVizError

if TYPE_CHECKING:
    from moe_viz.model.running.generation import Generation
    from moe_viz.model.running.moe_model import MoEModel


class Worker:
    """Serves the requests in the queues with a model until the queues are closed."""

    def __init__(self, model: MoEModel, queues: RequestQueues) -> None:
        self._model = model
        self._queues = queues
        self._decoder = model.decoder()
        self._texts: list[Request] = []
        self._jobs: dict[Generation, Job] = {}

    def run(self) -> None:
        """Serve until the queues are closed; then no text is continued any more."""
        while self._queues.wait(busy=bool(self._jobs)):
            self._gather()
            serve(self._model, self._texts, self._queues.limits, self._queues.meter)
            self._texts = []
            self._begin_jobs()
            self._step()
        for job in self._jobs.values():
            job.finish(EngineError(UNLOADED))

    @property
    def continuing(self) -> int:
        """How many texts are being continued."""
        return len(self._jobs)

    def fail(self, error: BaseException) -> None:
        """Fail all requests that were being served, because the worker failed."""
        told = EngineError(f"the worker failed ({type(error).__name__}: {error}) and restarted; try again")
        for request in self._texts:
            if not request.answer.done():
                request.answer.set_exception(told)
        for job in self._jobs.values():
            job.finish(told)

    def _gather(self) -> None:
        """Take the texts of the next pass, in order of turns."""
        limits, tokens = self._queues.limits, 0
        while len(self._texts) < limits.batch_texts and (request := self._queues.texts.peek()) is not None:
            try:
                if request.work is None:
                    request.tokens = request.tokens or tokenized(self._model, request.text, limits)
            except Exception as error:  # noqa: BLE001 - whatever a tokenizer raises, it concerns this text alone
                self._queues.texts.remove(request)
                if request.answer.set_running_or_notify_cancel():
                    fail(request.answer, error, "text", self._queues.meter)
                continue
            tokens += len(request.tokens.ids) if request.tokens else 0
            if self._texts and tokens > limits.batch_tokens:
                return
            self._queues.texts.remove(request)
            if request.answer.set_running_or_notify_cancel():
                self._texts.append(request)

    def _begin_jobs(self) -> None:
        """Read the texts of jobs that have their turn."""
        limits = self._queues.limits
        while len(self._jobs) < limits.generations and (job := self._queues.jobs.take()) is not None:
            if job.stopping.is_set() or job.abandoned(limits.abandoned_seconds):
                job.finish()
                continue
            try:
                tokens = tokenized(self._model, job.text, limits, job.chat)
                generation = self._model.start_generation(tokens, job.max_new_tokens, job.sampling, job.stopping)
                job.take(generation)
                self._jobs[generation] = job
                self._decoder.add(generation)
                job.begin()
            except Exception as error:  # noqa: BLE001 - whatever a model raises, it concerns this text alone
                job.finish(said(error, "text to continue"))
                self._queues.meter.counted("failed", kind=type(error).__name__)
            self._settle()

    def _step(self) -> None:
        """One more token for each."""
        for job in self._jobs.values():
            if job.abandoned(self._queues.limits.abandoned_seconds):
                job.stopping.set()
        started = time.monotonic()
        failure: MoeVizError | None = None
        try:
            self._decoder.step()
        except Exception as error:  # noqa: BLE001 - whatever a model raises, the others go on
            failure = said(error, "text that was being continued")
            self._queues.meter.counted("failed", kind=type(error).__name__)
        log("step", texts=len(self._jobs), seconds=round(time.monotonic() - started, 4))
        self._settle(failure)

    def _settle(self, failure: MoeVizError | None = None) -> None:
        """Forget the jobs whose generation the decoder no longer has."""
        going = set(self._decoder.generations)
        for generation in [generation for generation in self._jobs if generation not in going]:
            job = self._jobs.pop(generation)
            job.finish(None if generation.ended else failure)
