"""What is checked in a model's folder before any weight is read into memory."""

from __future__ import annotations

import copy
import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
)
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from moe_viz.errors import ModelError
from moe_viz.model.routers.discover import discover

PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_DIGEST_BYTES = 2**30
BUILDING = threading.Lock()
"""While transformers builds a model it patches torch and its own classes for the whole process. If two
models are built at once, both can lose weights."""


def read_config(folder: Path, name: str) -> Any:
    """The folder's transformers config. Raises ModelError if there is none, or transformers does not know it."""
    path = folder / "config.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        model_type = raw.get("model_type")
    except FileNotFoundError:
        raise ModelError(f"{name} has no config.json: name a folder in the Hugging Face format") from None
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{name}: its config.json cannot be read ({error}); fetch the model again") from error
    if model_type not in CONFIG_MAPPING:
        if raw.get("auto_map"):
            raise ModelError(
                f"{name} needs code of its own ({raw['auto_map'].get('AutoConfig', 'auto_map')}), which is never run"
                " here; choose a model that transformers supports by itself"
            )
        raise ModelError(
            f"{name}: model_type {model_type!r} is not known to the installed transformers; choose another model"
            " or a newer version of moe_viz"
        )
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # whatever a config class raises on values it cannot use
        raise ModelError(f"{name}: its config.json is not usable ({error})") from error


def auto_class(config: Any, name: str) -> Any:
    """The transformers class that builds a language model from this config."""
    if type(config) in MODEL_FOR_CAUSAL_LM_MAPPING:
        return AutoModelForCausalLM
    if type(config) in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING:
        return AutoModelForSeq2SeqLM
    raise ModelError(f"{name} is a {config.model_type}, which is not a language model that reads and writes text")


def skeleton(config: Any, name: str, dtype: torch.dtype = torch.float32) -> Any:
    """The model of this config with the shapes of its weights alone. Raises ModelError if it cannot be built."""
    auto = auto_class(config, name)
    try:
        with BUILDING, torch.device("meta"):
            return auto.from_config(copy.deepcopy(config), dtype=dtype)  # building writes into the config
    except Exception as error:  # whatever a model class raises on values it cannot use
        raise ModelError(f"{name}: no {config.model_type} model can be built from its config ({error})") from error


def check_routed(config: Any, name: str) -> None:
    """Build the model without weights and look for routers. Raises ModelError if it is dense."""
    built = skeleton(config, name)
    try:
        discover(built)
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from None


def weight_names(folder: Path, name: str) -> list[str]:
    """The names of the folder's weight files, from its index. Raises ModelError if that cannot be read."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return ["model.safetensors"]
    try:
        listed = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{name}: {index.name} cannot be read ({error}); fetch the model again") from error
    return sorted({Path(file).name for file in listed})


def check_weights(folder: Path, name: str) -> list[Path]:
    """The folder's safetensors files, all complete. Raises ModelError if one is missing or cut off."""
    files = [folder / file for file in weight_names(folder, name)]
    missing = [file.name for file in files if not file.exists()]
    if missing and any(p.suffix in PICKLED for p in folder.iterdir()):
        raise ModelError(pickled_only(name))
    if missing:
        raise ModelError(f"{name}: {', '.join(missing[:3])} is missing; fetch the model again")
    for file in files:
        try:
            with safe_open(file, framework="pt"):
                pass
        except (SafetensorError, OSError) as error:
            raise ModelError(
                f"{name}: {file.name} is damaged or cut off ({file.stat().st_size:,} bytes; {error});"
                " fetch the model again"
            ) from error
    return files


def pickled_only(name: str) -> str:
    """What to say of a model without safetensors."""
    return (
        f"{name} has pickled weights only, which can run code when they are read and are never opened here;"
        " choose a model with safetensors, or convert it with save_pretrained"
    )


def digest(files: list[Path]) -> str | None:
    """SHA-256 of the weights, shortened; None above a gigabyte, where it would take too long."""
    if sum(file.stat().st_size for file in files) > _DIGEST_BYTES:
        return None
    sha = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(2**20):
                sha.update(block)
    return sha.hexdigest()[:12]
