"""Traces on disk: an Arrow IPC file, compressed with zstd, one row a token. Never pickle.

Columns hold one token's numbers over all sites; what is not an array (sites, provenance)
is JSON in the schema's metadata.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from moe_viz.errors import TraceError, TraceFileError
from moe_viz.trace import NextTokens, Provenance, RouterSite, RoutingTrace, Scoring

FORMAT = "moe_viz trace"
VERSION = 1
MAX_BYTES = 2**31
_KEY = b"moe_viz"
_MAGIC = b"ARROW1"


def write(trace: RoutingTrace) -> bytes:
    """The file's content for `trace`."""
    columns: dict[str, pa.Array] = {
        "token": pa.array(trace.tokens, pa.string()),
        "token_name": pa.array(trace.token_names, pa.string()),
        "token_id": pa.array(trace.token_ids),
        "generated": pa.array(trace.generated),
        "expert_ids": _by_token(trace.expert_ids),
        "gate_weights": _by_token(trace.gate_weights),
    }
    if trace.router_logits is not None:
        columns["router_logits"] = _by_token(trace.router_logits)
    if trace.next_tokens is not None:
        columns["next_token_ids"] = _fixed(trace.next_tokens.token_ids)
        columns["next_probabilities"] = _fixed(trace.next_tokens.probabilities)
        columns["next_texts"] = pa.array(trace.next_tokens.texts, pa.list_(pa.string()))
    header = {
        "format": FORMAT,
        "version": VERSION,
        "sites": [asdict(site) for site in trace.sites],
        "provenance": asdict(trace.provenance),
    }
    batch = pa.record_batch(columns).replace_schema_metadata({_KEY: json.dumps(header).encode()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def read(content: bytes) -> RoutingTrace:
    """The trace in a file's content. Raises TraceFileError, which says what is wrong with it."""
    if len(content) > MAX_BYTES:
        raise TraceFileError(f"the file has {len(content):,} bytes; at most {MAX_BYTES:,} are read")
    if not content.startswith(_MAGIC):
        raise TraceFileError("this is not a moe_viz trace: it does not begin as an Arrow file does")
    try:
        with pa.ipc.open_file(pa.py_buffer(content)) as reader:
            header = _header(reader.schema)
            table = reader.read_all()
        table.validate(full=True)
        return _trace(table, header)
    except TraceFileError:
        raise
    except TraceError as error:
        raise TraceFileError(f"the trace contradicts itself: {error}") from error
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
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


def _fixed(rows: np.ndarray) -> pa.FixedSizeListArray:
    """`[token value]` as a column of fixed-size lists."""
    flat = np.ascontiguousarray(rows).reshape(-1)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat), rows.shape[1])


def _by_token(values: np.ndarray) -> pa.FixedSizeListArray:
    """`[site token value]` as one list of site x value numbers a token."""
    return _fixed(values.transpose(1, 0, 2).reshape(values.shape[1], -1))


def _header(schema: pa.Schema) -> dict[str, Any]:
    metadata = (schema.metadata or {}).get(_KEY)
    header = json.loads(metadata) if metadata else None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise TraceFileError("this is an Arrow file, but not a moe_viz trace")
    if header["version"] != VERSION:
        raise TraceFileError(
            f"the trace has format version {header['version']!r}; this version of moe_viz reads version {VERSION}"
        )
    return header


def _trace(table: pa.Table, header: dict[str, Any]) -> RoutingTrace:
    sites = tuple(_site(site) for site in header["sites"])
    origin = dict(header["provenance"])
    origin["versions"] = tuple((name, version) for name, version in origin["versions"])
    origin["notes"] = tuple(origin["notes"])
    count = table.num_rows

    def numbers(name: str, dtype: type[np.generic]) -> np.ndarray:
        column = table.column(name).combine_chunks()
        if isinstance(column, pa.FixedSizeListArray):
            column = column.flatten()
        if column.null_count or column.type != pa.from_numpy_dtype(dtype):
            raise TraceFileError(f"column {name} has type {column.type} with {column.null_count} gaps")
        return column.to_numpy(zero_copy_only=False)

    def by_site(name: str, dtype: type[np.generic]) -> np.ndarray:
        return numbers(name, dtype).reshape(count, len(sites), -1).transpose(1, 0, 2)

    following = None
    if "next_token_ids" in table.column_names:
        following = NextTokens(
            numbers("next_token_ids", np.int32).reshape(count, -1),
            numbers("next_probabilities", np.float32).reshape(count, -1),
            tuple(tuple(row) for row in table.column("next_texts").to_pylist()),
        )
    has_logits = "router_logits" in table.column_names
    return RoutingTrace(
        tokens=tuple(table.column("token").to_pylist()),
        token_names=tuple(table.column("token_name").to_pylist()),
        token_ids=numbers("token_id", np.int32),
        generated=numbers("generated", np.bool_),
        sites=sites,
        expert_ids=by_site("expert_ids", np.int16),
        gate_weights=by_site("gate_weights", np.float32),
        router_logits=by_site("router_logits", np.float32) if has_logits else None,
        provenance=Provenance(**origin),
        next_tokens=following,
    )


def _site(fields: dict[str, Any]) -> RouterSite:
    scoring = fields["scoring"]
    if scoring is not None:
        bias = scoring["selection_bias"]
        scoring = Scoring(**{**scoring, "selection_bias": None if bias is None else tuple(bias)})
    return RouterSite(**{**fields, "scoring": scoring})
