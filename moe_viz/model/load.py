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
from moe_viz.model.sizes.quantization import bitsandbytes_config, prepare_stored


def load(
    name: str = "demo",
    *,
    revision: str | None = None,
    device: str | None = None,
    dtype: str | None = None,
    quantization: str | None = None,
    progress: Listener | None = None,
) -> MoEModel:
    """Load a mixture-of-experts model.

    name: "demo" (the model inside moe_viz), a local folder, or a Hugging Face hub id.
    revision: of a hub model, the branch, tag or commit; by default its main branch.
    device: "cpu", "cuda", "cuda:1", "mps", or "auto", which spreads the model over all accelerators,
        then the CPU's memory, then the disk. By default the accelerator, or the CPU if there is none.
    dtype: "float32", "bfloat16" or "float16". By default bfloat16 on an accelerator, and float32 on
        the CPU if that fits well into memory.
    quantization: "8-bit" or "4-bit", for linear layers other than routers; by default none. Experts
        whose weights are one tensor are not quantized.
    progress: is called with a `LoadProgress` now and then. An exception that it raises ends the loading.

    Only safetensors are read, and none of a model's own code is run. At the end the model tests itself
    (`MoEModel.self_test`). Raises ModelError, which says what to do, if there is no such model, if its
    routing cannot be read, or if it does not fit into memory.

    >>> import moe_viz
    >>> with moe_viz.load("demo") as model:
    ...     len(model.sites), model.sites[0].num_experts, model.sites[0].top_k
    (6, 16, 2)
    """
    report = Reporter(progress)
    report("looking")
    folder, commit = find_folder(name, revision, partial(fetch, report=report))
    config = read_config(folder, name)
    files = check_weights(folder, name)
    check_routed(config, name)
    plan, built, devices = plan_loading(config, name, device, dtype, quantization)
    notes = prepare_stored(config, name, {place for place, _size in plan.placed})
    options: dict[str, Any] = {"config": config, "device_map": devices}
    if plan.quantization is not None:
        options["quantization_config"] = bitsandbytes_config(built, plan.quantization, plan.dtype, name, devices)
        kept = f"Linear layers other than routers are quantized in {plan.quantization}"
        notes += (f"{kept}: {plan.quantized:,} weights.",)
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
    """The model with its weights. Raises ModelError if some are missing."""
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
