"""Tables that the tests of figures draw."""

import pandas as pd

from moe_viz.data.router_site import RouterSite, Scoring
from moe_viz.data.scores import margin, router_entropy
from moe_viz.metrics.tables import layer_table, router_means
from moe_viz.metrics.topology import topology_table
from moe_viz.profiles.expert_profile import ExpertProfile
from tests.invented import make_trace

TRACE = make_trace(experts=[4, 16, 8], top_k=[1, 2, 2], tokens=40)
PROFILE = ExpertProfile.of_choices(TRACE)
COUNTS, GATES = PROFILE.counts()[0], PROFILE.gate_sums()[0]
LAYERS = layer_table(PROFILE).assign(**router_means(TRACE.sites, router_entropy(TRACE), margin(TRACE)))
OVER_TRAINING = pd.DataFrame(
    {"updates": [0, 0, 4, 4], "tokens": [0, 0, 400, 400], "layer": [0, 1, 0, 1], "bits": [0.1, 0.2, 0.3, 0.4]}
)
LOSSES = pd.DataFrame(
    {"updates": [0, 0, 4, 4], "tokens": [0, 0, 400, 400], "domain": ["a", "b"] * 2, "loss": [9.0, 7, 4, 2]}
)
LABELS = ["layer 0", "layer 1", "layer 2"]
GROUPED = Scoring("sigmoid", normalized=True, groups=4, groups_kept=2)
BUILD = topology_table(
    [
        RouterSite("encoder.block.1.mlp", 1, 8, 2, "encoder", shared_experts=1),
        RouterSite("decoder.block.0.mlp", 0, 8, 3, scoring=GROUPED),
        RouterSite("decoder.block.2.mlp", 2, 12, 2, zero_experts=4),
    ],
    [False, True, False],
    [("encoder.block", 2), ("decoder.block", 3)],
)
PARTS = pd.DataFrame(
    {"part": ["routed experts", "attention"], "weights": [80, 20], "always": [0, 20], "chosen": [10, 0]}
)
SIZES = pd.DataFrame(
    {
        "name": ["sparse", "dense", "twin"],
        "organisation": "nobody",
        "released": "2024-01",
        "total": [4e10, 2e10, 4.1e10],
        "active": [4e9, 2e10, 4e9],
        "routed": [True, False, True],
    }
)
