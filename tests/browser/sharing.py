"""One server for the workers of a run."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

from filelock import FileLock


@contextmanager
def shared(note: Path, start: Callable[[], tuple[str, Popen[bytes]]]) -> Iterator[str]:
    """The address of a server that who comes first starts and who leaves last stops; `note` tells the others."""
    lock = FileLock(f"{note}.lock")
    with lock:
        if note.exists():
            known = json.loads(note.read_text())
        else:
            address, process = start()
            known = {"address": address, "process": process.pid, "users": 0}
        known["users"] += 1
        note.write_text(json.dumps(known))
    try:
        yield known["address"]
    finally:
        with lock:
            known = json.loads(note.read_text())
            known["users"] -= 1
            note.write_text(json.dumps(known))
            if not known["users"]:
                note.unlink()
                os.kill(known["process"], signal.SIGTERM)
