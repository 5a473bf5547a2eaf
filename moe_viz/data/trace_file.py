"""Traces on disk: see `moe_viz.data.container`. Sites, provenance and texts are in the header."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from moe_viz.data.container import Arrays, FileKind
from moe_viz.data.trace import NextTokens, Provenance, RouterSite, RoutingTrace, Scoring
from moe_viz.errors import TraceError, TraceFileError

MAX_BYTES = 2**31
"""The largest trace that is read, compressed or not."""
_FILE = FileKind("trace", 1, TraceFileError, TraceError)
_WHOLE = ("layer", "num_experts", "top_k", "shared_experts", "zero_experts")
_ARRAYS = ("token_ids", "generated", "expert_ids", "gate_weights", "router_logits")


def write(trace: RoutingTrace) -> bytes:
    """The file's content for `trace`."""
    following = trace.next_tokens
    header = {
        "tokens": trace.tokens,
        "token_names": trace.token_names,
        "sites": [asdict(site) for site in trace.sites],
        "provenance": asdict(trace.provenance),
        "next_texts": following.texts if following else None,
    }
    arrays = {name: getattr(trace, name) for name in _ARRAYS}
    if following is not None:
        arrays |= {"next_token_ids": following.token_ids, "next_probabilities": following.probabilities}
    return _FILE.write(header, {name: array for name, array in arrays.items() if array is not None})


def read(content: bytes) -> RoutingTrace:
    """The trace in a file's content. Raises TraceFileError, which says what is wrong with it."""
    return _FILE.read(content, _trace, MAX_BYTES)


def read_path(path: Path) -> RoutingTrace:
    """The trace in the file at `path`. Raises TraceFileError also where there is no such file."""
    return _FILE.read_path(path, _trace, MAX_BYTES)


def _trace(header: dict[str, Any], arrays: Arrays) -> RoutingTrace:
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
    texts: dict[str, Any] = {name: None if value is None else str(value) for name, value in fields.items()}
    versions = tuple((str(name), str(version)) for name, version in fields["versions"])
    return Provenance(**{**texts, "versions": versions, "notes": tuple(map(str, fields["notes"]))})


def site_from(fields: dict[str, Any]) -> RouterSite:
    """A `RouterSite` from its fields as JSON keeps them."""
    scoring = fields["scoring"]
    if scoring is not None:
        lists: dict[str, Any] = {name: tuple(value) for name, value in scoring.items() if isinstance(value, list)}
        scoring = Scoring(**{**scoring, **lists})
    numbers = {name: int(fields[name]) for name in _WHOLE if name in fields}
    return RouterSite(**{**fields, **numbers, "name": str(fields["name"]), "scoring": scoring})
