"""What a recording of training says in numbers: one row per frame and layer, one row per frame and domain."""

from __future__ import annotations

import numpy as np
import pandas as pd

from moe_viz.data.training_recording import TrainingRecording
from moe_viz.metrics import load as of
from moe_viz.metrics.domains import by_domain, domain_information
from moe_viz.metrics.saturation import router_saturation


def routing_over_training(lapse: TrainingRecording) -> pd.DataFrame:
    """How each layer's routing stood at each frame.

    Columns: frame, updates, tokens (seen), layer (counted from the first router), router_saturation
    (against the last frame, over the watched texts), domain_information (bits, over all texts,
    domains weighing the same), and over the even mixture of domains max_violation,
    effective_experts and dead_experts (below a tenth of a uniform load).
    """
    frames, _, sites, _ = lapse.counts.shape
    even = load_over_training(lapse)
    values = {
        "router_saturation": router_saturation(lapse.expert_ids, lapse.expert_ids[-1]),
        "domain_information": domain_information(_counts_by_domain(lapse)),
        "max_violation": of.max_violation(even),
        "effective_experts": of.effective_experts(even),
        "dead_experts": of.dead_experts(even).astype(np.int64),
    }
    return pd.DataFrame(
        {
            "frame": np.repeat(np.arange(frames), sites),
            "updates": np.repeat(lapse.updates, sites),
            "tokens": np.repeat(lapse.tokens_seen, sites),
            "layer": np.tile(np.arange(sites), frames),
            **{name: value.ravel() for name, value in values.items()},
        }
    )


def loss_over_training(lapse: TrainingRecording) -> pd.DataFrame:
    """The loss of each domain's texts at each frame: frame, updates, tokens, domain, loss (nats per token)."""
    frames, domains = lapse.losses.shape
    return pd.DataFrame(
        {
            "frame": np.repeat(np.arange(frames), domains),
            "updates": np.repeat(lapse.updates, domains),
            "tokens": np.repeat(lapse.tokens_seen, domains),
            "domain": np.tile(np.array(lapse.domains), frames),
            "loss": lapse.losses.ravel(),
        }
    )


def load_over_training(lapse: TrainingRecording) -> np.ndarray:
    """Each expert's share of its layer's assignments over the even mixture of domains, `[frame site expert]`."""
    return np.asarray(of.load(_counts_by_domain(lapse)).mean(axis=1))


def load_table(loads: np.ndarray) -> pd.DataFrame:
    """One frame of `load_over_training`, `[site expert]`, as one row per expert: layer, expert, load."""
    layer, expert = np.indices(loads.shape).reshape(2, -1)
    return pd.DataFrame({"layer": layer, "expert": expert, "load": loads.ravel()})


def _counts_by_domain(lapse: TrainingRecording) -> np.ndarray:
    """How many tokens of each domain every expert took, `[frame domain site expert]`."""
    return np.stack([by_domain(frame.astype(np.float64), lapse.text_domain) for frame in lapse.counts])
