"""The common format of this library's files: safetensors, compressed with zstd as one stream. Never pickle.

A file may come from anyone, so nothing in it may grow without bound: the stream is
decompressed up to a limit, and what is inside cannot be compressed again. (Arrow's own files
compress each buffer by itself, and its reader allocates whatever a buffer claims to hold.)

What is not an array is JSON in safetensors' own metadata, under `moe_viz`: after decompression,
a file can read it with `safetensors.safe_open(...).metadata()`. Version 1 kept it in an array
`header`; such files still open.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from moe_viz.data.npz import is_npz, read_npz
from moe_viz.errors import MoeVizError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Arrays = dict[str, np.ndarray]
Header = dict[str, Any]
Value = TypeVar("Value")

VERSION = 2
_KEY = "moe_viz"
_ZSTD = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True)
class FileKind:
    """One kind of file: what it holds, and which errors say that it does not."""

    noun: str
    unreadable: type[MoeVizError]
    """Raised where a file cannot be read, ..."""
    contradiction: type[MoeVizError]
    """... and what the value inside raises where its parts contradict each other."""
    level: int = 1
    """How hard zstd compresses it, 1 (quick) to 19: what is written once and opened often is worth the seconds."""
    was_npz: bool = False
    """Version 1 of this kind was an `.npz`, which still opens."""

    def write(self, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
        """The file's content."""
        import pyarrow as pa
        from safetensors.numpy import save

        described = {"format": f"moe_viz {self.noun}", "version": VERSION, **header}
        content: bytes = save({name: np.array(a) for name, a in arrays.items()}, {_KEY: json.dumps(described)})
        return bytes(pa.Codec("zstd", compression_level=self.level).compress(content, asbytes=True))

    def read(self, content: bytes, build: Callable[[Header, Arrays], Value], limit: int) -> Value:
        """The result of `build` with the header and arrays in a file's content, of at most `limit` bytes.

        Raises `unreadable`, which says what is wrong with it.
        """
        import pyarrow as pa
        from safetensors import SafetensorError

        old = self.was_npz and is_npz(content)
        if not old and not content.startswith(_ZSTD):
            raise self.unreadable(f"this is not a moe_viz {self.noun}: it does not begin like one")
        try:
            if old:
                arrays = read_npz(content, limit)
                return build(json.loads(arrays.pop("header").tobytes()), arrays)
            return build(*self._header_and_arrays(self._decompressed(content, limit)))
        except self.unreadable:
            raise
        except self.contradiction as error:
            raise self.unreadable(f"the {self.noun} contradicts itself: {error}") from error
        except (
            SafetensorError,
            pa.ArrowException,
            OSError,
            LookupError,
            TypeError,
            ValueError,
            AttributeError,
        ) as error:
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise self.unreadable(f"the {self.noun} is damaged ({reason}); save it again from its source") from error

    def read_path(self, path: Path, build: Callable[[Header, Arrays], Value], limit: int) -> Value:
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
        import pyarrow as pa

        with pa.input_stream(pa.BufferReader(content), compression="zstd") as stream:
            data: bytes = stream.read(limit + 1)
        if len(data) > limit:
            raise self.unreadable(
                f"the {self.noun} grows beyond {limit:,} bytes when it is decompressed; it is not read"
            )
        return data

    def _header_and_arrays(self, data: bytes) -> tuple[Header, Arrays]:
        from safetensors.numpy import load

        arrays: Arrays = load(data)
        size = int.from_bytes(data[:8], "little")  # which safetensors has checked
        text = json.loads(data[8 : 8 + size]).get("__metadata__", {}).get(_KEY)
        newest = VERSION if text is not None else 1
        if text is None and "header" in arrays:
            text = arrays.pop("header").tobytes()
        header = None if text is None else json.loads(text)
        if not isinstance(header, dict) or header.get("format") != f"moe_viz {self.noun}":
            raise self.unreadable(f"this is not a moe_viz {self.noun}: its header does not say that it is one")
        if header["version"] != newest:
            raise self.unreadable(
                f"the {self.noun} has format version {header['version']!r};"
                f" this version of moe_viz reads versions 1 to {VERSION}"
            )
        return header, arrays


def header_and_arrays(value: DataclassInstance) -> tuple[Header, Arrays]:
    """The fields of a value: the arrays, and the others as JSON can hold them (a mapping as its pairs)."""
    values = {field.name: getattr(value, field.name) for field in fields(value)}
    arrays = {name: of for name, of in values.items() if isinstance(of, np.ndarray)}
    return {name: _plain(of) for name, of in values.items() if name not in arrays}, arrays


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return list(value.items())
    return [_plain(part) for part in value] if isinstance(value, tuple) else value
