"""Files of this library, opened and packed by other means than its own: what a test changes in them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from safetensors.numpy import load, save


def unpacked(content: bytes) -> tuple[dict, dict[str, np.ndarray]]:
    """The header and the arrays of a file of version 2."""
    data = pa.input_stream(pa.BufferReader(content), compression="zstd").read()
    metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    return json.loads(metadata["moe_viz"]), load(data)


def packed(header: object, arrays: Mapping[str, np.ndarray], version: int = 2) -> bytes:
    """A file whose header is where that version keeps it: in an array, or in the metadata."""
    text = json.dumps(header)
    arrays = {name: np.array(array) for name, array in arrays.items()}
    if version == 1:
        data = save({**arrays, "header": np.frombuffer(text.encode(), dtype=np.uint8)})
    else:
        data = save(arrays, {"moe_viz": text})
    return bytes(pa.compress(data, codec="zstd", asbytes=True))
