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
    """`closed`: no weights to load and no router to look at; that it is a mixture of experts is belief."""
    source: str
    """Where the figures stand."""
    hub_id: str | None = None
    total: float | None = None
    active: float | None = None
    """Parameters that one token uses."""
    confirmed: bool = True
    """Whether the makers themselves state the figures."""
    embeddings_counted: bool | None = None
    """Whether `active` counts the input embeddings, a table that is the output head too included; None
    where it is not published, or both ways of counting come to it."""
    licence: str | None = None
    """Of the weights."""
    context: int | None = None
    """Tokens that the makers state it reads; None where they state no limit, or nothing."""
    note: str = ""
    config: Mapping[str, Any] | None = None
    """What builds its layers without a network and without weights: model_type, sizes, how routers choose."""


@cache
def known_models() -> tuple[KnownModel, ...]:
    """All models of the catalogue: open mixtures of experts by date, then a dense one, then closed ones."""
    with _DATA.open("rb") as file:
        return tuple(KnownModel(**model) for model in tomllib.load(file)["model"])


def find_model(name: str) -> KnownModel | None:
    """The model with this name or hub id, whatever its capitals; None if the catalogue has none."""
    wanted = name.lower()
    return next((m for m in known_models() if wanted in (n.lower() for n in (m.name, m.hub_id) if n)), None)
