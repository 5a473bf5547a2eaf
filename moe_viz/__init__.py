"""See how mixture-of-experts language models route: every router's choices, as they were used."""

from moe_viz.errors import MoeVizError
from moe_viz.trace import NO_EXPERT, NextTokens, Provenance, RouterSite, RoutingTrace, Scoring

__all__ = ["NO_EXPERT", "MoeVizError", "NextTokens", "Provenance", "RouterSite", "RoutingTrace", "Scoring"]
