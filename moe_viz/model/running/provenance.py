"""Where the traces of a model come from, in words and versions."""

from __future__ import annotations

import datetime
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import torch

from moe_viz.data.provenance import Provenance
from moe_viz.model.sizes.placement import devices_of

ENGINE = "transformers, read at every router"
_VERSIONS = (("torch", torch.__version__), ("transformers", version("transformers")))


def provenance_of(hf_model: Any, name: str, revision: str | None, notes: tuple[str, ...]) -> Provenance:
    """Where a trace made now by a transformers model would come from."""
    return Provenance(
        model=name,
        revision=revision,
        family=hf_model.config.model_type,
        dtype=dtype_of(hf_model),
        device=devices_of(hf_model),
        engine=ENGINE,
        versions=_VERSIONS,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        notes=notes,
    )


def dtype_of(hf_model: Any) -> str:
    """The dtype of a model's weights, by torch's name for it."""
    return str(next(hf_model.parameters()).dtype).removeprefix("torch.")


def with_notes(provenance: Provenance, *notes: str) -> Provenance:
    """The provenance with more for its readers to know."""
    return replace(provenance, notes=(*provenance.notes, *notes))


def with_near_ties(provenance: Provenance, read: str) -> Provenance:
    """The provenance of texts that were `read` in one pass: in less than float32, rounding can decide near-ties."""
    if provenance.dtype == "float32":
        return provenance
    rounded = "between experts of nearly one score the choice may differ from that in a pass alone."
    return with_notes(provenance, f"{read} in {provenance.dtype}: {rounded}")
