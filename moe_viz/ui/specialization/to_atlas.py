"""From a token of a trace to the experts that took it, in the atlas."""

from __future__ import annotations

import streamlit as st

from moe_viz.data.arrays import NO_EXPERT
from moe_viz.data.provenance import model_identity
from moe_viz.data.trace import RoutingTrace
from moe_viz.ui.session import state
from moe_viz.ui.specialization.choose_expert import ask_for_expert, go_to_asked_expert
from moe_viz.ui.specialization.profiles import looked_at


def to_atlas(trace: RoutingTrace, token: int) -> None:
    """Draw links to each layer's first choice, if the atlas is of the same model and routers as this trace."""
    profiled = looked_at()
    go_to_asked_expert(profiled)
    if profiled.profile.sites != trace.sites or model_identity(profiled.profile.runs[0].provenance) != model_identity(
        trace.provenance
    ):
        return
    layers = profiled.layers
    first = trace.gate_weights[:, token].argmax(axis=-1)
    experts = [int(ids[token, slot]) for ids, slot in zip(trace.expert_ids, first, strict=True)]

    def go() -> None:
        site = state.TO_ATLAS.get()
        assert site is not None
        ask_for_expert(layers[site], experts[site])

    st.menu_button(
        "Its experts in the atlas",
        [site for site, expert in enumerate(experts) if expert != NO_EXPERT],
        key=state.TO_ATLAS.key,
        format_func=lambda site: f"{layers[site]}: expert {experts[site]}",
        on_click=go,
        help="In each layer, the expert with the largest gating weight for this token, and what else this expert takes",
    )
