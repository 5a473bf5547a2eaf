"""The arrays of an `.npz`, as version 0.3.0 wrote recordings: bounded, and never pickle.

numpy's own reader allocates whatever an array in the archive claims to hold. This one reads a
member up to the bytes that are left of a limit, and an array is no larger than its member.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib

import numpy as np
from numpy.lib import format as npy


def is_npz(content: bytes) -> bool:
    """Whether the content begins like an archive."""
    return content.startswith(b"PK\x03\x04")


def read_npz(content: bytes, limit: int) -> dict[str, np.ndarray]:
    """The arrays by name. Raises ValueError if it is damaged, or holds more than `limit` bytes."""
    arrays, left = {}, limit
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist():
                with archive.open(member) as file:
                    data = file.read(left + 1)
                left -= len(data)
                if left < 0:
                    raise ValueError(f"it grows beyond {limit:,} bytes when it is decompressed")
                arrays[member.filename.removesuffix(".npy")] = _array(data)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"it is no whole archive: {error}") from error
    return arrays


def _array(data: bytes) -> np.ndarray:
    file = io.BytesIO(data)
    if npy.read_magic(file) != (1, 0):
        raise ValueError("it has an array of a version that was never written")
    shape, columns_first, dtype = npy.read_array_header_1_0(file)
    if dtype.hasobject:
        raise ValueError("it has an array of objects")
    start = file.tell()
    if len(data) - start != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"it has an array of shape {shape} in {len(data) - start:,} bytes")
    flat = np.frombuffer(data, dtype, offset=start) if len(data) > start else np.empty(0, dtype)
    return flat.reshape(shape, order="F" if columns_first else "C")
