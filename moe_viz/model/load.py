"""Loading a model by name: the bundled one, a local folder, or one of the Hugging Face hub."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch
from transformers import AutoTokenizer

from moe_viz.errors import ModelError
from moe_viz.model.folder import BUILDING, auto_class, check_routed, check_weights, digest, read_config
from moe_viz.model.hub import fetch
from moe_viz.model.moe_model import MoEModel

DEMO = Path(__file__).resolve().parent.parent / "demo"
_HUB_ID = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")
_MEMORY_SHARE = 0.6


def load(
    name: str = "demo",
    *,
    revision: str | None = None,
    device: str | None = None,
    dtype: str | None = None,
) -> MoEModel:
    """Load a mixture-of-experts model: `"demo"`, a local folder, or a Hugging Face hub id.

    `device` and `dtype` (for instance "cpu", "float32") are chosen where they are not given:
    the accelerator if there is one, in bfloat16; otherwise the CPU, in float32 if that fits
    into memory. Only safetensors are read and no code of the model's own is run.
    Raises ModelError, with what to do, if there is no such model or its routing cannot be read.
    """
    folder, commit = find_folder(name, revision, fetch)
    config = read_config(folder, name)
    files = check_weights(folder, name)
    check_routed(config, name)
    place = torch.device(device) if device else _best_device()
    number = _dtype(dtype) if dtype else _best_dtype(place, files)
    try:
        with BUILDING:
            hf_model, info = auto_class(config, name).from_pretrained(
                folder,
                dtype=number,
                device_map={"": place},
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(f"{name} could not be loaded on {place} as {number}: {error}") from error
    absent = sorted([*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])])
    if absent:
        raise ModelError(
            f"{name} lacks {len(absent)} of its weights ({absent[0]}, ...): they would be random, and so would its"
            " routing; fetch the model again"
        )
    return MoEModel(hf_model, _tokenizer(folder, name), name, commit or digest(files))


def find_folder(
    name: str, revision: str | None, fetch: Callable[[str, str | None], tuple[Path, str]]
) -> tuple[Path, str | None]:
    """The model's folder, and its commit if it comes from the hub, from where `fetch` brings it."""
    if name == "demo":
        return DEMO, None
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


def _tokenizer(folder: Path, name: str) -> Any:
    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # tokenizers raise every kind of error, bare Exception included
        raise ModelError(f"{name} has no tokenizer that can be read ({error}); fetch the model again") from error


def _best_device() -> torch.device:
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    return accelerator if accelerator is not None else torch.device("cpu")


def _best_dtype(device: torch.device, files: list[Path]) -> torch.dtype:
    if device.type != "cpu":
        return torch.bfloat16
    stored = sum(file.stat().st_size for file in files)  # two bytes a weight, as a rule
    fits = 2 * stored < _MEMORY_SHARE * psutil.virtual_memory().available
    return torch.float32 if fits else torch.bfloat16


def _dtype(name: str) -> torch.dtype:
    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ModelError(f"dtype {name!r} is not known: expected 'float32', 'bfloat16' or 'float16'")
    return found
