"""Random weights at real size on a GPU: memory against the count, capture's cost, routing against the CPU's.

`python -m benchmarks gpu` needs a GPU with room for the largest model (Mixtral 8x7B in bfloat16: 94 GB).
It leaves out models that do not fit.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, MixtralConfig, OlmoeConfig

import moe_viz
from benchmarks.capture import copied
from benchmarks.pairs import Way, paired_ratio
from moe_viz.model.routers.capture import Capture
from moe_viz.probes import probe_texts

MODELS = {"OLMoE-1B-7B": OlmoeConfig(max_position_embeddings=8192), "Mixtral 8x7B": MixtralConfig()}
LENGTHS = (1, 512, 8192)


def report() -> Iterator[str]:
    """One line per measurement; one line that says so if there is no GPU."""
    if not torch.accelerator.is_available():
        yield "| no GPU on this machine | not measured |"
        return
    device = torch.accelerator.current_accelerator()
    assert device is not None
    yield _same_as_on_the_cpu(device)
    for name, config in MODELS.items():
        yield from _of_model(name, config, device)
        gc.collect()
        torch.accelerator.empty_cache()


def _same_as_on_the_cpu(device: torch.device) -> str:
    texts = [text for domain in probe_texts().values() for text in domain[:5]]
    with moe_viz.load(device="cpu", dtype="float32") as model:
        here = [model.trace(text) for text in texts]
    with moe_viz.load(device=str(device), dtype="float32") as model:
        there = [model.trace(text) for text in texts]
    choices = sum(trace.expert_ids.size for trace in here)
    other = sum(int((a.expert_ids != b.expert_ids).sum()) for a, b in zip(here, there, strict=True))
    apart = max(float(np.abs(a.gate_weights - b.gate_weights).max()) for a, b in zip(here, there, strict=True))
    what = f"bundled model, {device} against CPU, float32"
    return f"| {what} | {other} of {choices:,} choices differ; weights by {apart:.1e} at most |"


def _of_model(name: str, config: Any, device: torch.device) -> Iterator[str]:
    predicted = moe_viz.count_parameters(config).bytes("bfloat16")
    free = torch.accelerator.get_memory_info(device)[0]
    if predicted * 1.1 > free:
        yield f"| {name} | needs {predicted / 1e9:.1f} GB, {free / 1e9:.1f} GB are free: not measured |"
        return
    before = torch.accelerator.memory_allocated(device)
    with torch.device(device):
        hf_model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).eval()
    taken = torch.accelerator.memory_allocated(device) - before
    yield f"| {name}: memory of the weights | {taken / 1e9:.2f} GB, predicted {predicted / 1e9:.2f} GB |"
    model = moe_viz.attach(hf_model)
    capture = Capture(model.routers)
    model.close()
    for length in LENGTHS:
        ids = torch.randint(3, 1000, (1, length), device=device)

        def forward(ids: torch.Tensor = ids) -> None:
            hf_model(ids, use_cache=False, logits_to_keep=1)

        plain = Way(capture.remove, partial(_done, partial(_without_gradient, forward)))
        read = Way(capture.install, partial(_done, partial(copied, capture, forward)))
        ratio = paired_ratio(read, plain, pairs=40, repeats=3, clock=time.perf_counter)
        yield f"| {name}, {length:,} tokens: capture and arrays over without | {ratio} of {ratio.milliseconds:.1f} ms |"


def _without_gradient(forward: Callable[[], None]) -> None:
    with torch.inference_mode():
        forward()


def _done(run: Callable[[], object]) -> None:
    """Run, and wait until the device has finished."""
    run()
    torch.accelerator.synchronize()
