"""See how mixture-of-experts language models route: every router's choices, as they were used.

    import moe_viz
    model = moe_viz.load("demo")            # or a hub id, or a local folder
    trace = model.trace("def area(r):")
    trace.to_frame()

Names that need torch or much else bring it in when they are first used, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moe_viz.errors import (
    CaptureError,
    InputError,
    ModelError,
    MoeVizError,
    ProfileError,
    ProfileFileError,
    TraceError,
    TraceFileError,
)
from moe_viz.trace import NO_EXPERT, NextTokens, Provenance, RouterSite, RoutingTrace, Scoring

if TYPE_CHECKING:
    from moe_viz.model.cached import CachedModel, cached_models
    from moe_viz.model.expert_outputs import expert_outputs
    from moe_viz.model.load import load
    from moe_viz.model.memory import MemoryPlan, memory_plan
    from moe_viz.model.moe_model import MoEModel, attach
    from moe_viz.model.parameter_count import ParameterCount
    from moe_viz.model.parameters import count_parameters
    from moe_viz.model.progress import LoadProgress
    from moe_viz.model.self_test import SelfTest
    from moe_viz.outputs import ExpertOutputs
    from moe_viz.profiles.run import profile
    from moe_viz.profiles.value import ExpertProfile

__all__ = [
    "NO_EXPERT",
    "CachedModel",
    "CaptureError",
    "ExpertOutputs",
    "ExpertProfile",
    "InputError",
    "LoadProgress",
    "MemoryPlan",
    "MoEModel",
    "ModelError",
    "MoeVizError",
    "NextTokens",
    "ParameterCount",
    "ProfileError",
    "ProfileFileError",
    "Provenance",
    "RouterSite",
    "RoutingTrace",
    "Scoring",
    "SelfTest",
    "TraceError",
    "TraceFileError",
    "attach",
    "cached_models",
    "count_parameters",
    "expert_outputs",
    "load",
    "memory_plan",
    "profile",
]

_LATER = {
    "load": "moe_viz.model.load",
    "attach": "moe_viz.model.moe_model",
    "MoEModel": "moe_viz.model.moe_model",
    "ParameterCount": "moe_viz.model.parameter_count",
    "count_parameters": "moe_viz.model.parameters",
    "memory_plan": "moe_viz.model.memory",
    "MemoryPlan": "moe_viz.model.memory",
    "cached_models": "moe_viz.model.cached",
    "CachedModel": "moe_viz.model.cached",
    "LoadProgress": "moe_viz.model.progress",
    "SelfTest": "moe_viz.model.self_test",
    "ExpertOutputs": "moe_viz.outputs",
    "expert_outputs": "moe_viz.model.expert_outputs",
    "ExpertProfile": "moe_viz.profiles.value",
    "profile": "moe_viz.profiles.run",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
