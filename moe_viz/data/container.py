"""What the files of this library have in common: safetensors, compressed with zstd as one stream. Never pickle.

A file may come from anybody, so nothing in it may grow without bound: the stream is
decompressed up to a limit, and what is inside cannot be compressed again. (Arrow's own files
compress each buffer by itself, and its reader allocates whatever a buffer claims to hold.)
What is not an array is JSON, in the array `header`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from moe_viz.errors import MoeVizError

Arrays = dict[str, np.ndarray]
Value = TypeVar("Value")

_ZSTD = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True)
class FileKind:
    """One kind of file: what it holds, and which errors say that it does not."""

    noun: str
    version: int
    unreadable: type[MoeVizError]
    """Raised where a file cannot be read, ..."""
    contradiction: type[MoeVizError]
    """... and what the value inside raises where its parts contradict each other."""

    def write(self, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
        """The file's content."""
        described = {"format": f"moe_viz {self.noun}", "version": self.version, **header}
        encoded = np.frombuffer(json.dumps(described).encode(), dtype=np.uint8)
        content: bytes = save_arrays({name: np.array(array) for name, array in {**arrays, "header": encoded}.items()})
        return bytes(pa.compress(content, codec="zstd", asbytes=True))

    def read(self, content: bytes, build: Callable[[dict[str, Any], Arrays], Value], limit: int) -> Value:
        """What `build` makes of the header and arrays in a file's content, of at most `limit` bytes.

        Raises `unreadable`, which says what is wrong with it.
        """
        if not content.startswith(_ZSTD):
            raise self.unreadable(f"this is not a moe_viz {self.noun}: it does not begin as one does")
        try:
            arrays = load_arrays(self._decompressed(content, limit))
            return build(self._header(arrays), arrays)
        except self.unreadable:
            raise
        except self.contradiction as error:
            raise self.unreadable(f"the {self.noun} contradicts itself: {error}") from error
        except (SafetensorError, pa.ArrowException, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise self.unreadable(f"the {self.noun} is damaged ({reason}); save it again from its source") from error

    def read_path(self, path: Path, build: Callable[[dict[str, Any], Arrays], Value], limit: int) -> Value:
        """As `read`, of the file at `path`. Raises `unreadable` also where there is no such file."""
        try:
            size = path.stat().st_size
            content = path.read_bytes() if size <= limit else b""
        except OSError as error:
            raise self.unreadable(f"cannot read {path}: {error.strerror or error}") from error
        if size > limit:
            raise self.unreadable(f"{path} has {size:,} bytes; at most {limit:,} are read")
        return self.read(content, build, limit)

    def _decompressed(self, content: bytes, limit: int) -> bytes:
        with pa.input_stream(pa.BufferReader(content), compression="zstd") as stream:
            data: bytes = stream.read(limit + 1)
        if len(data) > limit:
            raise self.unreadable(
                f"the {self.noun} grows beyond {limit:,} bytes when it is decompressed; it is not read"
            )
        return data

    def _header(self, arrays: Arrays) -> dict[str, Any]:
        header = json.loads(arrays["header"].tobytes()) if "header" in arrays else None
        if not isinstance(header, dict) or header.get("format") != f"moe_viz {self.noun}":
            raise self.unreadable(f"this is not a moe_viz {self.noun}: its header does not say that it is one")
        if header["version"] != self.version:
            raise self.unreadable(
                f"the {self.noun} has format version {header['version']!r};"
                f" this version of moe_viz reads version {self.version}"
            )
        return header
