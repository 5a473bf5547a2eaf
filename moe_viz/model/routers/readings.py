"""What routers did in one forward pass, from the tensors that were read to arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from moe_viz.data.arrays import NO_EXPERT, TokenIds
from moe_viz.data.router_site import RouterSite
from moe_viz.data.routing import Routing
from moe_viz.errors import CaptureError, ModelError

_WIDENED = {torch.bfloat16, torch.float16}


@dataclass
class Reading:
    """What one router did while it was listened to, one entry per call. The tensors stay on their device."""

    logits: list[Tensor] = field(default_factory=list)
    """`[token expert]`"""
    ids: list[Tensor] = field(default_factory=list)
    """`[token slot]`"""
    weights: list[Tensor] = field(default_factory=list)
    """`[token slot]`"""


def routing_of(
    sites: Sequence[RouterSite], readings: Sequence[Reading], token_ids: TokenIds
) -> tuple[tuple[RouterSite, ...], Routing]:
    """What the routers at `sites` did in one forward pass over `token_ids` `[token]`, and the sites as used.

    A site's top-k is the number of experts that its router gave to each token in this pass.
    Raises CaptureError if a router was not read once for each token.
    """
    tokens = len(token_ids)
    _check_calls(sites, readings, tokens)
    sites = tuple(replace(site, top_k=r.ids[0].shape[-1]) for site, r in zip(sites, readings, strict=True))
    slots = max(site.top_k for site in sites)
    experts = max(site.num_experts for site in sites)
    return sites, Routing(
        token_ids,
        np.zeros(tokens, dtype=np.bool_),
        _stacked([r.ids[0] for r in readings], tokens, slots, NO_EXPERT).astype(np.int16),
        _stacked([r.weights[0] for r in readings], tokens, slots, 0.0),
        _stacked([r.logits[0] for r in readings], tokens, experts, np.nan),
    )


def _check_calls(sites: Sequence[RouterSite], readings: Sequence[Reading], tokens: int) -> None:
    """Raise CaptureError unless every router was read once, for every token."""
    for site, reading in zip(sites, readings, strict=True):
        calls = (len(reading.logits), len(reading.ids))
        if calls != (1, 1):
            raise CaptureError(
                f"{site.name}: its router was read {calls[0]} times and its experts {calls[1]} times in one"
                " forward pass, expected once each: this model runs past its modules (compiled, or replaced"
                " by a kernel), so its routing cannot be shown"
            )
        if len(reading.ids[0]) != tokens:
            raise CaptureError(f"{site.name}: {len(reading.ids[0])} tokens were routed, expected {tokens}")


def _stacked(tensors: list[Tensor], tokens: int, width: int, missing: float) -> NDArray[Any]:
    """`[site token width]` from one `[token n]` or `[batch token n]` per site, where n is at most `width`."""
    arrays = [a.reshape(tokens, -1) for a in to_host(tensors)]
    if any(a.shape[1] > width for a in arrays):
        raise ModelError(f"a router gave {max(a.shape[1] for a in arrays)} values per token, expected {width}")
    stacked = np.full((len(arrays), tokens, width), missing, dtype=arrays[0].dtype)
    for row, array in zip(stacked, arrays, strict=True):
        row[:, : array.shape[1]] = array
    return stacked


def to_host(tensors: Sequence[Tensor]) -> list[NDArray[Any]]:
    """Tensors of one dtype as numpy arrays, with one transfer per device. bfloat16 and float16 become float32."""
    arrays: list[NDArray[Any]] = []
    for device, same in groupby(tensors, key=lambda tensor: tensor.device):
        group = list(same)
        if device.type == "cpu":
            arrays += [_numpy(tensor) for tensor in group]
            continue
        host = _numpy(torch.cat([tensor.reshape(-1) for tensor in group]).cpu())
        ends = np.cumsum([tensor.numel() for tensor in group])[:-1]
        arrays += [part.reshape(tuple(t.shape)) for part, t in zip(np.split(host, ends), group, strict=True)]
    return arrays


def _numpy(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = (tensor.float() if tensor.dtype in _WIDENED else tensor).numpy()
    return array
