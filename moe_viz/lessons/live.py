"""Trains the small model in a process of its own, so that no one else has to wait for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

from moe_viz.lessons.small_moe import Recipe, Report, train

SECONDS = 10.0
"""Seconds after which a run ends, finished or not."""
AT_ONCE = 2
"""Runs at the same time in one server."""
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_places = threading.BoundedSemaphore(AT_ONCE)


class Run:
    """One training run, running or finished."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.reports: list[Report] = []
        """The reports so far, in order; the list grows while the run continues."""
        self._process = subprocess.Popen(  # noqa: S603 - our own module, and numbers of our own widgets
            [sys.executable, "-m", "moe_viz.lessons.live", json.dumps(asdict(recipe))],
            cwd=Path(__file__).parents[2],
            env=os.environ | _ONE_THREAD,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        """Whether more reports can follow."""
        return self._reader.is_alive()

    def stop(self) -> None:
        """End the run; its reports stay."""
        self._process.terminate()

    def wait(self) -> None:
        """Wait until the run is over."""
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            with self._process.stdout as lines:
                for line in lines:
                    self.reports.append(Report(*json.loads(line)))
        finally:
            self._process.wait()
            _places.release()


def start(recipe: Recipe) -> Run | None:
    """Start a training run; returns None while `AT_ONCE` runs of this server are running."""
    if not _places.acquire(blocking=False):
        return None
    try:
        return Run(recipe)
    except BaseException:
        _places.release()
        raise


def main() -> None:
    """Runs in the process of its own: train, and print one report per line."""
    if hasattr(os, "nice"):  # the pages of the same machine go first
        os.nice(10)
    began = time.monotonic()
    for report in train(Recipe(**json.loads(sys.argv[1]))):
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()
        if time.monotonic() - began > SECONDS:
            break


if __name__ == "__main__":
    main()
