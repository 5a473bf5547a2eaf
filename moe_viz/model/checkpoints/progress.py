"""How far the loading of a model is, for a listener."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from huggingface_hub.utils.tqdm import tqdm
from transformers.utils.logging import set_tqdm_hook

Stage = Literal["looking", "downloading", "reading weights", "checking"]
_READING = "Loading weights"
"""What transformers calls its progress bar. If it changes this name, only the count is lost."""


@dataclass(frozen=True)
class LoadProgress:
    """One step of loading a model."""

    stage: Stage
    """Looking for the model and at its config; downloading; reading weights; checking (the self-test)."""
    done: int = 0
    """Bytes while downloading, tensors while reading weights."""
    total: int | None = None
    """The number at the end of the stage; None where it is not counted."""


Listener = Callable[[LoadProgress], None]


class Reporter:
    """Tells a listener of progress. An exception that the listener raises ends the loading, in any thread."""

    def __init__(self, listener: Listener | None) -> None:
        self._listener = listener
        self.raised: BaseException | None = None
        """The exception that the listener raised; it is no fault of the model."""

    def __call__(self, stage: Stage, done: int = 0, total: int | None = None) -> None:
        if self.raised is not None:
            raise self.raised
        if self._listener is not None:
            try:
                self._listener(LoadProgress(stage, done, total))
            except BaseException as error:
                self.raised = error
                raise

    def download_bar(self, total: int) -> type[tqdm] | None:
        """A class of bars for huggingface_hub that report `total` bytes; None, for its own, without a listener."""
        if self._listener is None:
            return None
        lock, ahead = threading.Lock(), 0

        def tell(done: int) -> None:
            nonlocal ahead
            if done > ahead:
                ahead = done
                self("downloading", min(ahead, total), total)

        class Bar(tqdm):
            """Draws nothing. There are bars for bytes received, bytes written and files; the furthest one counts."""

            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **options | {"disable": True})  # type: ignore[no-untyped-call] # it has no types

            def update(self, n: float | None = 1) -> None:
                with lock:  # several files at once
                    self.n += n or 0
                    tell(int(self.n))

        return Bar

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Report the tensors that transformers reads in this thread, instead of its own bar.

        For one thread at a time: transformers has one hook for all.
        """
        self("reading weights")
        if self._listener is None:
            yield
            return
        thread = threading.get_ident()

        def bar(factory: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
            if options.get("desc") != _READING or threading.get_ident() != thread:
                return factory(*args, **options)
            return self._counted(list(args[0]))

        before = set_tqdm_hook(bar)
        try:
            yield
        finally:
            set_tqdm_hook(before)

    def _counted(self, items: list[Any]) -> Iterator[Any]:
        for done, item in enumerate(items):
            self("reading weights", done, len(items))
            yield item
        self("reading weights", len(items), len(items))
