"""The bundled model as it was at the end of its training: the last frame of the recording."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from moe_viz import demo
from moe_viz.data.training_recording import TrainingRecording


@dataclass(frozen=True, eq=False)
class Final:
    """What the routers chose for every recorded token."""

    expert_ids: NDArray[np.uint8]
    """`[site token slot]`"""
    domain: NDArray[np.uint8]
    """`[token]`: index into `domains`."""
    domains: tuple[str, ...]
    experts: int
    top_k: int

    def of(self, domain: str) -> NDArray[np.uint8]:
        """One kind of text's `expert_ids`."""
        return self.expert_ids[:, self.domain == self.domains.index(domain)]


@cache
def recording(name: str = "balanced") -> TrainingRecording:
    """One of the two training recordings: `balanced`, or its twin `unbalanced`."""
    return TrainingRecording.load(demo.TRAINING / f"{name}.moerecording")


@cache
def final() -> Final:
    """The last frame."""
    lapse = recording()
    site = lapse.sites[0]
    domain = lapse.text_domain[lapse.token_text]
    return Final(lapse.expert_ids[-1], domain, lapse.domains, site.num_experts, site.top_k)
