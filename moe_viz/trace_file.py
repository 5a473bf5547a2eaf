"""Traces on disk: safetensors, compressed with zstd as one stream. Never pickle.

A trace may come from anybody, so nothing in it may grow without bound: the stream is
decompressed up to a limit, and what is inside cannot be compressed again. (Arrow's own files
compress each buffer by itself, and its reader allocates whatever a buffer claims to hold.)
What is not an array (sites, provenance, texts) is JSON, in the array `header`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from moe_viz.errors import TraceError, TraceFileError
from moe_viz.trace import NextTokens, Provenance, RouterSite, RoutingTrace, Scoring

FORMAT = "moe_viz trace"
VERSION = 1
MAX_BYTES = 2**31
"""The largest trace that is read, compressed or not."""
_ZSTD = b"\x28\xb5\x2f\xfd"
_ARRAYS = ("token_ids", "generated", "expert_ids", "gate_weights", "router_logits")


def write(trace: RoutingTrace) -> bytes:
    """The file's content for `trace`."""
    following = trace.next_tokens
    header = {
        "format": FORMAT,
        "version": VERSION,
        "tokens": trace.tokens,
        "token_names": trace.token_names,
        "sites": [asdict(site) for site in trace.sites],
        "provenance": asdict(trace.provenance),
        "next_texts": following.texts if following else None,
    }
    arrays = {name: getattr(trace, name) for name in _ARRAYS}
    if following is not None:
        arrays |= {"next_token_ids": following.token_ids, "next_probabilities": following.probabilities}
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    content: bytes = save_arrays({name: np.array(array) for name, array in arrays.items() if array is not None})
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


def read(content: bytes) -> RoutingTrace:
    """The trace in a file's content. Raises TraceFileError, which says what is wrong with it."""
    if not content.startswith(_ZSTD):
        raise TraceFileError("this is not a moe_viz trace: it does not begin as one does")
    try:
        arrays = load_arrays(_decompressed(content))
        return _trace(arrays, _header(arrays))
    except TraceFileError:
        raise
    except TraceError as error:
        raise TraceFileError(f"the trace contradicts itself: {error}") from error
    except (SafetensorError, pa.ArrowException, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise TraceFileError(f"the trace is damaged ({reason}); save it again from its source") from error


def read_path(path: Path) -> RoutingTrace:
    """The trace in the file at `path`. Raises TraceFileError also where there is no such file."""
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise TraceFileError(f"cannot read {path}: {error.strerror or error}") from error
    if size > MAX_BYTES:
        raise TraceFileError(f"{path} has {size:,} bytes; at most {MAX_BYTES:,} are read")
    return read(content)


def _decompressed(content: bytes) -> bytes:
    with pa.input_stream(pa.BufferReader(content), compression="zstd") as stream:
        data: bytes = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise TraceFileError(f"the trace grows beyond {MAX_BYTES:,} bytes when it is decompressed; it is not read")
    return data


def _header(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    header = json.loads(arrays["header"].tobytes()) if "header" in arrays else None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise TraceFileError("this is not a moe_viz trace: its header does not say that it is one")
    if header["version"] != VERSION:
        raise TraceFileError(
            f"the trace has format version {header['version']!r}; this version of moe_viz reads version {VERSION}"
        )
    return header


def _trace(arrays: dict[str, np.ndarray], header: dict[str, Any]) -> RoutingTrace:
    following = None
    if header["next_texts"] is not None:
        texts = tuple(_texts(row) for row in header["next_texts"])
        following = NextTokens(arrays["next_token_ids"], arrays["next_probabilities"], texts)
    return RoutingTrace(
        tokens=_texts(header["tokens"]),
        token_names=_texts(header["token_names"]),
        sites=tuple(site_from(site) for site in header["sites"]),
        provenance=provenance_from(header["provenance"]),
        next_tokens=following,
        token_ids=arrays["token_ids"],
        generated=arrays["generated"],
        expert_ids=arrays["expert_ids"],
        gate_weights=arrays["gate_weights"],
        router_logits=arrays.get("router_logits"),
    )


def _texts(values: Any) -> tuple[str, ...]:
    texts = tuple(values)
    if not all(isinstance(text, str) for text in texts):
        raise TraceFileError("the trace is damaged: it has a token that is no text")
    return texts


def provenance_from(fields: dict[str, Any]) -> Provenance:
    """A `Provenance` from its fields as JSON keeps them."""
    versions = tuple((name, version) for name, version in fields["versions"])
    return Provenance(**{**fields, "versions": versions, "notes": tuple(fields["notes"])})


def site_from(fields: dict[str, Any]) -> RouterSite:
    """A `RouterSite` from its fields as JSON keeps them."""
    scoring = fields["scoring"]
    if scoring is not None:
        lists: dict[str, Any] = {name: tuple(value) for name, value in scoring.items() if isinstance(value, list)}
        scoring = Scoring(**{**scoring, **lists})
    return RouterSite(**{**fields, "scoring": scoring})
