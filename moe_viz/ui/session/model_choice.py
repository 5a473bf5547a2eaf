"""A model, and how it is to be loaded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ModelChoice:
    """A model and how to load it, as for `moe_viz.load`."""

    name: str
    """"demo", a hub id, or a folder."""
    revision: str | None = None
    device: str | None = None
    dtype: str | None = None
    quantization: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """Everything but the name."""
        return {name: value for name, value in asdict(self).items() if name != "name"}
