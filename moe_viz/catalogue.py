"""Well-known mixture-of-experts models and their published figures, as data: see catalogue.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

_DATA = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class KnownModel:
    """A model as its makers describe it. Figures are in billions of parameters; None is not published."""

    name: str
    organisation: str
    released: str
    """Year and month of its first publication, such as 2024-12."""
    kind: Literal["moe", "dense", "closed"]
    """`closed`: there are no weights to load and no router to read; that it is a mixture of experts is a belief."""
    source: str
    """Where the figures are published."""
    hub_id: str | None = None
    total: float | None = None
    active: float | None = None
    """Parameters that one token uses."""
    confirmed: bool = True
    """Whether the makers themselves state the figures."""
    embeddings_counted: bool | None = None
    """Whether `active` counts the input embeddings, also if the same table is the output head. None
    if this is not published, or if both ways of counting agree with the figure."""
    licence: str | None = None
    """The licence of the weights."""
    context: int | None = None
    """The context length in tokens that the makers state; None if they state no limit, or nothing."""
    note: str = ""
    config: Mapping[str, Any] | None = None
    """Values that describe its layers without a network and without weights: model_type, sizes, how routers choose."""


@cache
def known_models() -> tuple[KnownModel, ...]:
    """All models of the catalogue: open mixtures of experts by date, then a dense one, then closed ones."""
    with _DATA.open("rb") as file:
        return tuple(KnownModel(**model) for model in tomllib.load(file)["model"])


def find_model(name: str) -> KnownModel | None:
    """The model with this name or hub id, in upper or lower case; None if the catalogue has none."""
    wanted = name.lower()
    return next((m for m in known_models() if wanted in (n.lower() for n in (m.name, m.hub_id) if n)), None)
