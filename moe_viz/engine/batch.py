"""Texts traced together; a failure concerns only the text that caused it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moe_viz.engine.meter import Meter
from moe_viz.errors import EngineError, InputError, MoeVizError
from moe_viz.settings import Settings

if TYPE_CHECKING:
    from moe_viz.model.running.moe_model import MoEModel
    from moe_viz.model.running.tokens import Tokens

_SLACK = 32
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Request:
    """A text to be traced, or other work with the model."""

    text: str
    owner: str
    work: Callable[[MoEModel], Any] | None = None
    answer: Future[Any] = field(default_factory=Future)
    asked: float = field(default_factory=time.monotonic)
    tokens: Tokens | None = None


def tokenized(model: MoEModel, text: str, limits: Settings, chat: bool = False) -> Tokens:
    """The tokens of a text. Raises InputError if there are more than the limits allow."""
    tokens = model.tokenize(text, chat=chat)
    count = len(tokens.ids)
    if count > limits.max_tokens:
        raise InputError(
            f"the text has {count:,} tokens; at most {limits.max_tokens:,} are traced at once."
            f" Keep about the first {limits.max_tokens / count:.0%} of it"
        )
    return tokens


def serve(model: MoEModel, requests: Sequence[Request], limits: Settings, meter: Meter) -> None:
    """Answer requests, texts of similar length in one pass, then other work."""
    texts = [request for request in requests if request.work is None]
    for group in _alike(texts, limits.batch_tokens if model.batches else 0):
        _read(model, group, meter)
    for request in requests:
        if request.work is not None:
            _do(model, request, request.work, meter)


def _alike(requests: Sequence[Request], most_tokens: int) -> Iterator[list[Request]]:
    """Groups in which no text is padded to much more than twice its length, within the limit of tokens."""
    group: list[Request] = []
    for request in sorted(requests, key=lambda request: len(_ids(request))):
        width = len(_ids(request))
        if group and (width > 2 * len(_ids(group[0])) + _SLACK or width * (len(group) + 1) > most_tokens):
            yield group
            group = []
        group.append(request)
    if group:
        yield group


def _ids(request: Request) -> tuple[int, ...]:
    assert request.tokens is not None
    return request.tokens.ids


def _read(model: MoEModel, group: list[Request], meter: Meter) -> None:
    started = time.monotonic()
    try:
        traces = model.trace_batch([request.tokens for request in group if request.tokens is not None])
    except Exception as error:  # noqa: BLE001 - whatever a model raises, one text must not fail another
        if len(group) > 1:
            for request in group:
                _read(model, [request], meter)
            return
        fail(group[0].answer, error, f"text of {len(_ids(group[0])):,} tokens", meter)
        return
    now = time.monotonic()
    meter.passed(len(group), sum(len(_ids(request)) for request in group), now - started)
    for request, stacks in zip(group, traces, strict=True):
        meter.answered(now - request.asked)
        request.answer.set_result(stacks[0])


def _do(model: MoEModel, request: Request, work: Callable[[MoEModel], Any], meter: Meter) -> None:
    try:
        done = work(model)
    except Exception as error:  # noqa: BLE001 - whatever a model raises, it concerns this work alone
        fail(request.answer, error, "text", meter)
        return
    meter.answered(time.monotonic() - request.asked)
    request.answer.set_result(done)


def fail(answer: Future[Any], error: Exception, what: str, meter: Meter) -> None:
    """Answer with an error that a page can show."""
    answer.set_exception(said(error, what))
    meter.counted("failed", kind=type(error).__name__)


def said(error: Exception, what: str) -> MoeVizError:
    """`error` with a text that a page can show; if memory ran out, the device's cache is emptied."""
    if isinstance(error, MoeVizError):
        return error
    _log.error("a forward pass failed", exc_info=error)
    if _out_of_memory(error):
        _empty_cache()
        return EngineError(f"the device ran out of memory on a {what}; try one of half the length, or a smaller model")
    return EngineError(f"the model failed on this text ({type(error).__name__}: {error})")


def _out_of_memory(error: Exception) -> bool:
    import torch

    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "not enough memory" in str(error)  # torch on the CPU
    )


def _empty_cache() -> None:
    import torch

    if torch.accelerator.is_available():
        torch.accelerator.empty_cache()
