"""See how mixture-of-experts language models route: every router's choices, as they were used.

    import moe_viz
    model = moe_viz.load("demo")            # or a hub id, or a local folder
    trace = model.trace("def area(r):")
    trace.to_frame()

Names that need torch or much else bring it in when they are first used, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moe_viz.data.arrays import NO_EXPERT
from moe_viz.data.provenance import Provenance
from moe_viz.data.router_site import RouterSite, Scoring
from moe_viz.data.trace import NextTokens, RoutingTrace
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

if TYPE_CHECKING:
    from moe_viz.corpus.profile import profile
    from moe_viz.data.expert_outputs import ExpertOutputs
    from moe_viz.model.checkpoints.hf_cache import CachedModel, cached_models
    from moe_viz.model.checkpoints.progress import LoadProgress
    from moe_viz.model.experts.expert_outputs import expert_outputs
    from moe_viz.model.load import load
    from moe_viz.model.routers.self_test import SelfTest
    from moe_viz.model.running.attach import attach
    from moe_viz.model.running.moe_model import MoEModel
    from moe_viz.model.sizes.memory import MemoryPlan, memory_plan
    from moe_viz.model.sizes.parameter_count import ParameterCount
    from moe_viz.model.sizes.parameters import count_parameters
    from moe_viz.profiles.expert_profile import ExpertProfile

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
    "attach": "moe_viz.model.running.attach",
    "MoEModel": "moe_viz.model.running.moe_model",
    "ParameterCount": "moe_viz.model.sizes.parameter_count",
    "count_parameters": "moe_viz.model.sizes.parameters",
    "memory_plan": "moe_viz.model.sizes.memory",
    "MemoryPlan": "moe_viz.model.sizes.memory",
    "cached_models": "moe_viz.model.checkpoints.hf_cache",
    "CachedModel": "moe_viz.model.checkpoints.hf_cache",
    "LoadProgress": "moe_viz.model.checkpoints.progress",
    "SelfTest": "moe_viz.model.routers.self_test",
    "ExpertOutputs": "moe_viz.data.expert_outputs",
    "expert_outputs": "moe_viz.model.experts.expert_outputs",
    "ExpertProfile": "moe_viz.profiles.expert_profile",
    "profile": "moe_viz.corpus.profile",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
