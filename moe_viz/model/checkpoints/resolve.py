"""From the name of a model to its folder or its config."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from transformers import AutoConfig, PreTrainedConfig

from moe_viz import demo
from moe_viz.errors import ModelError
from moe_viz.model.checkpoints.checks import read_config
from moe_viz.model.checkpoints.hub import fetch_config

_HUB_ID = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")


def find_folder(
    name: str, revision: str | None, fetch: Callable[[str, str | None], tuple[Path, str]]
) -> tuple[Path, str | None]:
    """The model's folder, and its commit if `fetch` brings it from the hub."""
    if name == "demo":
        return demo.FOLDER, None
    try:
        folder = Path(name).expanduser()
        if name.strip() and folder.is_dir():
            return folder, None
    except (OSError, ValueError, RuntimeError):
        pass  # no path at all, such as one with a NUL; it may still be wrong as a hub id
    if len(name) <= 200 and _HUB_ID.fullmatch(name):
        return fetch(name, revision)
    raise ModelError(
        f"there is no model {name[:200]!r}: expected 'demo', an existing folder, or a Hugging Face hub id such as"
        " 'allenai/OLMoE-1B-7B-0924'"
    )


def find_config(source: Any, revision: str | None) -> Any:
    """The config of a model, from a hub id (only its config is fetched), a folder, "demo", or a mapping of its
    config's values. Anything else is returned as it is.

    Raises ModelError if there is none.
    """
    if isinstance(source, str | Path):
        name = str(source)
        return read_config(find_folder(name, revision, fetch_config)[0], name)
    return _config_of(source) if isinstance(source, Mapping) else source


def _config_of(values: Mapping[str, Any]) -> PreTrainedConfig:
    try:
        return AutoConfig.for_model(**values)
    except Exception as error:  # whatever a config class raises on values it cannot use
        raise ModelError(
            f"these values make no config ({str(error)[:200]}): expected a model_type that transformers knows, and"
            " values of its config class"
        ) from error
