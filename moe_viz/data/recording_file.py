"""Recordings as files: a value of arrays, routers and plain fields as one compressed `.npz`, without pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moe_viz.data.trace_file import provenance_from, site_from

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def save_recording(path: Path, value: DataclassInstance) -> None:
    """Write a dataclass with `sites` and `provenance`. What is no array is JSON, in the array `header`; of a mapping
    its pairs.
    """
    values = {field.name: getattr(value, field.name) for field in fields(value)}
    arrays = {name: of for name, of in values.items() if isinstance(of, np.ndarray)}
    header = {name: _plain(of) for name, of in values.items() if name not in arrays}
    header |= {"provenance": asdict(values["provenance"]), "sites": [asdict(site) for site in values["sites"]]}
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]  # its stub takes the names for options


def load_recording(path: Path) -> dict[str, Any]:
    """The fields of what was saved, lists in place of tuples and mappings.

    Raises OSError or ValueError if it is no such file.
    """
    with np.load(path, allow_pickle=False) as saved:
        values: dict[str, Any] = {name: saved[name] for name in saved.files}
    values |= json.loads(values.pop("header").tobytes())
    values["sites"] = tuple(site_from(site) for site in values["sites"])
    values["provenance"] = provenance_from(values["provenance"])
    return values


def _plain(value: object) -> object:
    return list(value.items()) if isinstance(value, Mapping) else value
