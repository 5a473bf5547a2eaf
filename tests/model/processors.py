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
"""Those in which some product of MKL's has one row, and so is taken in an order that hangs on the address."""
OTHER = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "OMP_NUM_THREADS": "2",
}
"""What libraries read when a process starts: as on a processor of the plainest kind. MKL then takes sums as it
does on processors that are not Intel's, in an order that depends on the address."""


def at_odd_addresses(hf_model: Any) -> Any:
    """The model, every weight one element past the address where it would be aligned."""
    for parameter in hf_model.parameters():
        room = torch.empty(parameter.numel() + 1, dtype=parameter.dtype)
        parameter.data = room[1:].view(parameter.shape).copy_(parameter.data)
    return hf_model


def traces(odd: bool) -> dict[str, RoutingTrace]:
    """Of the bundled model and the tiny ones, by a name of each stack."""
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
