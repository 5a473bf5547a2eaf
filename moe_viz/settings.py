"""The limits that the app keeps: `settings.toml`, and environment variables over it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from moe_viz.errors import InputError

FILE = Path(__file__).with_name("settings.toml")
_PREFIX = "MOE_VIZ_"


@dataclass(frozen=True)
class Settings:
    """Every setting, as `settings.toml` explains it."""

    max_tokens: int
    max_new_tokens: int
    session_requests: int
    max_waiting: int
    generations: int
    abandoned_seconds: float
    results_megabytes: int
    measure_texts: int
    measure_domains: int
    measure_tokens: int
    link_characters: int
    stored_texts: int
    stored_megabytes: int
    stored_hours: float
    batch_texts: int
    batch_tokens: int
    batch_wait_milliseconds: float
    model: str
    models: tuple[str, ...]
    models_kept: int

    @property
    def max_characters(self) -> int:
        """A longer text is refused before it is even tokenised."""
        return 64 * self.max_tokens

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and not 0 < value < 10**9:
                raise InputError(f"setting {field.name} is {value}; expected a number above 0")


@cache
def settings() -> Settings:
    """The settings of this process. Raises InputError for an invalid value."""
    return read(FILE.read_text(encoding="utf-8"), os.environ)


def read(text: str, environment: Mapping[str, str]) -> Settings:
    """The settings in `text` (TOML), each replaced by its environment variable where there is one."""
    values: dict[str, Any] = tomllib.loads(text)
    for name, given in values.items():
        own = environment.get(_PREFIX + name.upper())
        values[name] = given if own is None else _like(given, own, name)
    return Settings(**values | {"models": tuple(values["models"])})


def _like(given: Any, text: str, name: str) -> Any:
    """`text` as a value of the kind of `given`; a list is separated by commas."""
    if isinstance(given, list):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return type(given)(text)
    except ValueError:
        raise InputError(f"{_PREFIX}{name.upper()} is {text!r}; expected a number such as {given}") from None
