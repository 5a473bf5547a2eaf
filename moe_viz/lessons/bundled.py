"""The bundled model's own weights as numpy arrays, without torch: a lesson computes with them at once."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
from numpy.typing import NDArray

from moe_viz import demo

FILE = demo.FOLDER / "model.safetensors"

Floats = NDArray[np.float32]


def router_weight(layer: int) -> Floats:
    """The router's weights, `[expert dim]`."""
    return _tensor(f"model.layers.{layer}.mlp.gate.weight")


def expert_output(layer: int, expert: int, hidden: Floats) -> Floats:
    """The output of one expert for a hidden state, `[dim]`: down(silu(gate h) * up h)."""
    gate, up, down = (
        _tensor(f"model.layers.{layer}.mlp.experts.{expert}.{part}_proj.weight") for part in ("gate", "up", "down")
    )
    opened = gate @ hidden
    return down @ (opened / (1 + np.exp(-opened)) * (up @ hidden))


def _tensor(name: str) -> Floats:
    """One of the file's bfloat16 tensors: bfloat16 is the upper half of a float32."""
    entry = _header()[name]
    start, end = entry["data_offsets"]
    with FILE.open("rb") as file:
        file.seek(_header_end() + start)
        halves = np.frombuffer(file.read(end - start), dtype="<u2")
    return (halves.astype(np.uint32) << 16).view(np.float32).reshape(entry["shape"])


@cache
def _header() -> dict[str, dict[str, list[int]]]:
    """The head of a safetensors file: its length in eight bytes, then JSON."""
    with FILE.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header: dict[str, dict[str, list[int]]] = json.loads(file.read(size))
    return header


@cache
def _header_end() -> int:
    with FILE.open("rb") as file:
        return 8 + int.from_bytes(file.read(8), "little")
