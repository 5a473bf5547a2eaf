"""One worker owns a model and serves all sessions: traces in batches, generations side by side."""

from moe_viz.engine.engine import Engine
from moe_viz.engine.job import Job
from moe_viz.engine.meter import Status

__all__ = ["Engine", "Job", "Status"]
