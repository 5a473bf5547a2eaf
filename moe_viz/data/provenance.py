"""`Provenance`: where numbers come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Provenance:
    """Where a trace, a profile or a recording comes from."""

    model: str
    revision: str | None
    """Commit or digest of the weights; None where the source does not say."""
    family: str
    """transformers' `model_type`."""
    dtype: str
    device: str
    engine: str
    versions: tuple[tuple[str, str], ...]
    """Libraries and their versions, as (name, version)."""
    created: str
    """When it was measured: ISO 8601, UTC."""
    intervention: str | None = None
    notes: tuple[str, ...] = ()
    """What a reader must know to read the numbers correctly."""


def model_identity(provenance: Provenance) -> dict[str, str | None]:
    """What makes two provenances those of one model: its weights by their digest, or else by its name."""
    return {
        "revision": provenance.revision,
        "model": provenance.model if provenance.revision is None else None,
        "family": provenance.family,
        "dtype": provenance.dtype,
        "intervention": provenance.intervention,
    }


def provenance_from(fields: dict[str, Any]) -> Provenance:
    """A `Provenance` from its fields as JSON keeps them."""
    texts: dict[str, Any] = {name: None if value is None else str(value) for name, value in fields.items()}
    versions = tuple((str(name), str(version)) for name, version in fields["versions"])
    return Provenance(**{**texts, "versions": versions, "notes": tuple(map(str, fields["notes"]))})
