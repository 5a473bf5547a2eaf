"""A stand-in for other processors: the same models with other instructions, threads, and weights at odd addresses.

`python -m tests.model.processors FOLDER` writes the traces of a process that was started so.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

import moe_viz
from moe_viz.data.trace import RoutingTrace
from tests.tiny_families import tiny_family
from tests.tiny_models import token_ids

FAMILIES = ("granitemoe", "jetmoe", "qwen2_moe", "switch_transformers")
"""Those whose loaded copies were seen to differ from the first on such a processor."""
OTHER = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "OMP_NUM_THREADS": "2",
    "OMP_WAIT_POLICY": "passive",
}
"""What libraries read when a process starts: use the plainest instructions. MKL then multiplies a matrix by a
vector in an order that depends on the address, as it does on processors that are not Intel's."""


def at_odd_addresses(hf_model: Any) -> Any:
    """The model, every weight one element past the address where it would be aligned."""
    for parameter in hf_model.parameters():
        room = torch.empty(parameter.numel() + 1, dtype=parameter.dtype)
        parameter.data = room[1:].view(parameter.shape).copy_(parameter.data)
    return hf_model


def traces(odd: bool) -> dict[str, RoutingTrace]:
    """Of the bundled model and the tiny ones, by model and stack; `odd` moves their weights to odd addresses."""
    found = {}
    for name in ("demo", *FAMILIES):
        model = moe_viz.load() if name == "demo" else moe_viz.attach(tiny_family(name))
        with model:
            if odd:
                at_odd_addresses(model.hf_model)
            ids = list(range(100, 130)) if name == "demo" else token_ids(17)
            found |= {f"{name} {trace.sites[0].stack}": trace for trace in model.trace_stacks(token_ids=ids)}
    return found


def main(folder: str) -> None:
    """Write each trace to a file of its name."""
    for odd in (False, True):
        for name, trace in traces(odd).items():
            trace.save(Path(folder) / f"{name}{' odd' if odd else ''}.moetrace")


if __name__ == "__main__":
    main(sys.argv[1])
