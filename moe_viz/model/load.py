"""Loading a model by name: the bundled one, a local folder, or one of the Hugging Face hub."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import AutoTokenizer

from moe_viz.errors import ModelError
from moe_viz.model.checkpoints.checks import BUILDING, auto_class, check_routed, check_weights, digest, read_config
from moe_viz.model.checkpoints.hub import fetch
from moe_viz.model.checkpoints.progress import Listener, Reporter
from moe_viz.model.checkpoints.resolve import find_folder
from moe_viz.model.running.attach import attach_as
from moe_viz.model.running.moe_model import MoEModel
from moe_viz.model.sizes.memory import MemoryPlan, plan_loading
from moe_viz.model.sizes.placement import DISK
from moe_viz.model.sizes.quantization import packer, settle_stored


def load(
    name: str = "demo",
    *,
    revision: str | None = None,
    device: str | None = None,
    dtype: str | None = None,
    quantization: str | None = None,
    progress: Listener | None = None,
) -> MoEModel:
    """Load a mixture-of-experts model: `"demo"`, a local folder, or a Hugging Face hub id.

    `device` ("cpu", "cuda:1", ...) and `dtype` ("float32", ...) are chosen where they are not
    given: the accelerator if there is one, in bfloat16; otherwise the CPU, in float32 if that
    fits well into memory. Device "auto" spreads the model over all accelerators, then the CPU's
    memory, then the disk. `quantization` is "8-bit" or "4-bit", of linear layers that are neither
    routers nor fused experts. `progress` is called with a `LoadProgress` now and then; what it
    raises ends the loading. Only safetensors are read and no code of the model's own is run.
    Last of all the model tests itself (`MoEModel.self_test`).
    Raises ModelError, with what to do, if there is no such model, its routing cannot be read, or
    it would not fit into memory.
    """
    report = Reporter(progress)
    report("looking")
    folder, commit = find_folder(name, revision, partial(fetch, report=report))
    config = read_config(folder, name)
    files = check_weights(folder, name)
    check_routed(config, name)
    plan, built, devices = plan_loading(config, name, device, dtype, quantization)
    notes = settle_stored(config, name, {place for place, _size in plan.placed})
    options: dict[str, Any] = {"config": config, "device_map": devices}
    if plan.quantization is not None:
        options["quantization_config"] = packer(built, plan.quantization, plan.dtype, name, devices)
        notes += (f"Linear layers other than routers are packed in {plan.quantization}: {plan.packed:,} weights.",)
    if not plan.fits:
        raise ModelError(f"{name} has no room here. {plan.sentence}")
    with ExitStack() as closing:
        if DISK in dict(plan.placed):
            options["offload_folder"] = closing.enter_context(
                TemporaryDirectory(prefix="moe_viz-offload-", ignore_cleanup_errors=True)
            )
        hf_model = _read(folder, name, plan, report, **options)
        report("checking")
        model = attach_as(name, hf_model, _tokenizer(folder, name), commit or digest(files), notes)
        model.closing.push(closing.pop_all())
    return model


def _read(folder: Path, name: str, plan: MemoryPlan, report: Reporter, **options: Any) -> Any:
    """The model with its weights, all of them there."""
    try:
        with BUILDING, report.reading():
            hf_model, info = auto_class(options["config"], name).from_pretrained(
                folder,
                dtype=getattr(torch, plan.dtype),
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                output_loading_info=True,
                **options,
            )
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        if error is report.raised:
            raise
        raise ModelError(f"{name} could not be loaded on {plan.device} as {plan.dtype}: {error}") from error
    absent = sorted([*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])])
    if absent:
        raise ModelError(
            f"{name} lacks {len(absent)} of its weights ({absent[0]}, ...): they would be random, and so would its"
            " routing; fetch the model again"
        )
    return hf_model


def _tokenizer(folder: Path, name: str) -> Any:
    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # tokenizers raise every kind of error, bare Exception included
        raise ModelError(f"{name} has no tokenizer that can be read ({error}); fetch the model again") from error
