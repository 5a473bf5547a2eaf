"""Writing a file whole, or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path


def write_whole(path: str | Path, content: bytes) -> None:
    """Put `content` in the place of the file at `path`.

    Until all of it is on the disk, and where it cannot be, the file stays as it was; nothing is left
    beside it. A link is followed. What is no file, such as a pipe, is written to as it is.
    Raises OSError, which names `path`.
    """
    place = Path(os.path.realpath(path))
    unfinished = place.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        if place.exists() and not place.is_file():
            place.write_bytes(content)
            return
        with unfinished.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if place.exists():
            shutil.copymode(place, unfinished)
        unfinished.replace(place)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        unfinished.unlink(missing_ok=True)
