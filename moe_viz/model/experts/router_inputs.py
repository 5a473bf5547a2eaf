"""The hidden states that routers receive."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from moe_viz.model.running.moe_model import MoEModel


def router_inputs(model: MoEModel, text: str) -> NDArray[np.float32]:
    """What each router of the model receives while the model reads `text`, `[site token dim]`.

    For models with one stack, whose routers take the hidden states as their first argument.
    """
    given: list[torch.Tensor] = []

    def keep(_module: torch.nn.Module, args: tuple[Any, ...]) -> None:
        given.append(args[0].detach().reshape(-1, args[0].shape[-1]).float())

    hooks = [router.router.register_forward_pre_hook(keep) for router in model.routers]
    try:
        model.trace(text)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack(given).cpu().numpy()
