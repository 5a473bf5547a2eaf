"""Which profile is looked at: the recorded one, or what is measured now."""

from __future__ import annotations

import streamlit as st

from moe_viz.probes import probe_texts
from moe_viz.ui.bringing import bring, own_texts
from moe_viz.ui.measuring import Measuring, Texts
from moe_viz.ui.model import engine, model_name, plain
from moe_viz.ui.profile import HELD_OUT, PROBES, RECORDED, Profiled, recorded
from moe_viz.ui.session import session

_MEASURED = "Measured"
_ABOUT = {
    PROBES: "Recorded with the bundled model over the probe texts of this project.",
    HELD_OUT: "Recorded with the bundled model over texts that had no part in its training, as counts alone.",
}
_EVERY = 0.5
"""How often a page looks at what is being measured, in seconds."""


def chosen_profile(title: str) -> Profiled:
    """Draw a page's heading and the choice of what it shows. Returns that."""
    st.markdown(f"##### {title}")
    under_way: Measuring | None = st.session_state.get("measuring")
    if under_way is not None and under_way.over:
        _arrive(under_way)
    measured: Profiled | None = st.session_state.get("measured")
    offered = [*RECORDED, *([] if measured is None else [_MEASURED])]
    st.session_state.setdefault("profile", PROBES)
    which = st.segmented_control("Profile", offered, required=True, key="profile", persist_state="session") or PROBES
    chosen = measured if measured is not None and which == _MEASURED else recorded(which)
    if chosen is not measured:
        st.caption(_about_recorded(which))
    with st.spinner("Testing every expert against chance"):
        _ = chosen.specialists  # worked out once
    return chosen


def _about_recorded(which: str) -> str:
    said = _ABOUT[which]
    if model_name() == recorded(which).profile.runs[0].provenance.model:
        return said
    return f"{said} {plain(model_name())}, the model in use, is not measured yet."


def measure() -> None:
    """Draw the way to measure with the model in use, and how far it is."""
    own: Measuring | None = st.session_state.get("measuring")
    if own is not None:
        _under_way(own)
        return
    if reason := st.session_state.get("not measured"):
        st.error(plain(reason), icon=":material/error:")
    with st.expander("Measure with the model in use", key="measure"):
        st.button(
            f"Measure the probes ({sum(map(len, probe_texts().values()))} texts)",
            on_click=_begin,
            args=("the probe texts of moe_viz", probe_texts()),
        )
        bring()
        if own_texts():
            st.button(
                f"Measure your {len(own_texts())} domains" if len(own_texts()) > 1 else "Measure your domain",
                type="primary",
                on_click=_begin,
                args=("texts that were brought", dict(own_texts())),
            )


def _begin(corpus: str, texts: Texts) -> None:
    st.session_state["not measured"] = None
    st.session_state["measuring"] = Measuring(engine(), session().owner, corpus, texts)


def _under_way(own: Measuring) -> None:
    @st.fragment(run_every=_EVERY)
    def line() -> None:
        if own.over:
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center"):
            left = "" if own.remaining is None else f", about {own.remaining:,.0f} s to go"
            said = "Stopping" if own.stopping else f"{own.done:,} of {own.total:,} texts, {own.tokens:,} tokens{left}"
            st.progress(own.done / max(1, own.total), said, width="stretch")
            st.button("Stop and keep", key="stop measuring", on_click=own.stop, disabled=own.stopping)

    line()


def _arrive(own: Measuring) -> None:
    """Look at what was measured, and keep why it ended before its time."""
    st.session_state["measuring"] = None
    st.session_state["not measured"] = own.error
    if own.profile is not None:
        st.session_state["measured"] = Profiled(own.profile, "measured", own.texts)
        st.session_state["profile"] = _MEASURED
