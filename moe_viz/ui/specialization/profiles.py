"""Which profile is looked at: the recorded one, what was measured now, or what was opened from a file."""

from __future__ import annotations

import streamlit as st

from moe_viz.engine.background import Background
from moe_viz.errors import MoeVizError
from moe_viz.probes import probe_texts
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.profiles.profile_file import MAX_BYTES
from moe_viz.settings import settings
from moe_viz.ui.session import state
from moe_viz.ui.session.memory_budget import MEMORY_BUDGET
from moe_viz.ui.session.model_in_use import engine, model_name
from moe_viz.ui.session.profile_view import (
    HELD_OUT,
    PROBES,
    RECORDED,
    EvictableProfile,
    Measured,
    ProfileView,
    Texts,
    recorded,
)
from moe_viz.ui.session.session import session
from moe_viz.ui.specialization.measuring import measure_profile
from moe_viz.ui.specialization.upload import upload_texts, uploaded_texts
from moe_viz.ui.widgets.link import carry
from moe_viz.ui.widgets.words import plain

_MEASURED, _OPENED = "Measured", "Opened"
_HELD = {_MEASURED: state.MEASURED_PROFILE, _OPENED: state.OPENED_PROFILE}
"""Where the session holds its own profiles."""
_AGAIN = {_MEASURED: "Measure it again.", _OPENED: "Open its file again."}
_IN_MEMORY = 8
"""A profile in memory is at most this many times larger than its decompressed file."""
_ABOUT = {
    PROBES: "Recorded with the bundled model over the probe texts of this project.",
    HELD_OUT: "Recorded with the bundled model over texts that had no part in its training, as counts alone.",
}
_EVERY = 0.5
"""How often a page looks at what is being measured, in seconds."""


def chosen_profile(title: str) -> ProfileView:
    """Draw a page's heading and the choice of what it shows. Returns the chosen profile."""
    st.markdown(f"##### {title}")
    under_way = state.MEASURING.get()
    if under_way is not None and under_way.over:
        _arrive(under_way)
    if reason := state.PROFILE_FILE_FAILURE.get():
        st.error(plain(reason), icon=":material/error:")
    own = _choice()
    chosen = own.view or recorded()
    with st.spinner("Testing every expert against chance"):
        _ = chosen.specialists  # worked out once
    if chosen.origin != "recorded":
        MEMORY_BUDGET.touch(own)
        carry(notes=[f"The profile that you {chosen.origin} is in your session alone: the link shows a recorded one."])
    _saved_profiles(own)
    return chosen


def looked_at() -> ProfileView:
    """What a page would show, without drawing the choice."""
    which = state.PROFILE.get() or PROBES
    held = _HELD[which].get() if which in _HELD else None
    return (held.view if held else None) or recorded(which if which in RECORDED else PROBES)


def _choice() -> EvictableProfile:
    """Draw the choice. Returns the chosen profile, or a recorded one if the chosen one is no longer kept."""
    held = {name: own for name, entry in _HELD.items() if (own := entry.get()) is not None}
    which = st.segmented_control(
        "Profile",
        [*RECORDED, *held],
        default=PROBES,
        required=True,
        key=state.PROFILE.key,
        persist_state="session",
        bind="query-params",
    )
    if which in held and held[which].view is None:
        st.info(
            f"The server had no room left for the profile that was {which.lower()}; it removes first what"
            f" was seen longest ago. {_AGAIN[which]} A recorded one is shown below."
        )
        which = PROBES
    if which in held:
        return held[which]
    st.caption(_about_recorded(which))
    return EvictableProfile(recorded(which))


def _about_recorded(which: str) -> str:
    said = _ABOUT[which]
    if model_name() == recorded(which).profile.runs[0].provenance.model:
        return said
    return f"{said} {plain(model_name())}, the model in use, is not measured yet."


def _saved_profiles(own: EvictableProfile) -> None:
    """Profiles as files, in the sidebar: save what is shown, open what was saved."""

    def opened() -> None:
        state.PROFILE_FILE_FAILURE.set(None)
        file = state.PROFILE_FILE.get()
        if file is None:
            return
        limit = min(MAX_BYTES, settings().results_megabytes * 10**6 // _IN_MEMORY)
        try:
            _hold(_OPENED, ProfileView(ExpertProfile.from_bytes(file.getvalue(), limit), "opened", {}))
        except MoeVizError as error:
            state.PROFILE_FILE_FAILURE.set(f"{file.name}: {error}")

    with st.sidebar.expander("Saved profiles"):
        st.download_button(
            "Save this profile",
            data=own.file,
            file_name="profile.moeprofile",
            mime="application/octet-stream",
            on_click="ignore",
            key="save profile",
        )
        st.file_uploader("Open a profile", type=["moeprofile"], key=state.PROFILE_FILE.key, on_change=opened)


def _hold(name: str, profiled: ProfileView) -> None:
    """Make the session hold a profile, and show it."""
    _HELD[name].set(EvictableProfile(profiled))
    state.PROFILE.set(name)


def measure() -> None:
    """Draw the buttons that measure with the model in use, and the progress."""
    own = state.MEASURING.get()
    if own is not None:
        _under_way(own)
        return
    if reason := state.MEASURING_FAILURE.get():
        st.error(plain(reason), icon=":material/error:")
    if shortened := state.TEXTS_SHORTENED.get():
        st.info(
            f"{shortened:,} of the texts that were measured {'has' if shortened == 1 else 'have'} more than"
            f" {settings().measure_tokens:,} tokens: only the first {settings().measure_tokens:,} were read."
        )
    with st.expander("Measure with the model in use", key="measure"):
        st.button(
            f"Measure the probes ({sum(map(len, probe_texts().values()))} texts)",
            on_click=_begin,
            args=("the probe texts of moe_viz", probe_texts()),
        )
        upload_texts()
        if uploaded_texts():
            st.button(
                f"Measure your {len(uploaded_texts())} domains" if len(uploaded_texts()) > 1 else "Measure your domain",
                type="primary",
                on_click=_begin,
                args=("texts that were added", dict(uploaded_texts())),
            )


def _begin(corpus: str, texts: Texts) -> None:
    state.MEASURING_FAILURE.set(None)
    state.TEXTS_SHORTENED.set(None)
    state.TEXTS_BEING_MEASURED.set(texts)
    state.MEASURING.set(measure_profile(engine(), session().owner, corpus, texts))


def _under_way(own: Background[Measured]) -> None:
    @st.fragment(run_every=_EVERY)
    def line() -> None:
        if own.over:
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center"):
            left = "" if own.remaining is None else f", about {own.remaining:,.0f} s to go"
            said = "Stopping" if own.stopping else f"{own.done:,} of {own.total:,} texts, {own.tokens:,} tokens{left}"
            st.progress(own.share, said, width="stretch")
            st.button("Stop and keep", key="stop measuring", on_click=own.stop, disabled=own.stopping)

    line()


def _arrive(own: Background[Measured]) -> None:
    """Show what was measured, and keep the reason if it ended early."""
    texts = state.TEXTS_BEING_MEASURED.pop()
    state.MEASURING.set(None)
    state.MEASURING_FAILURE.set(own.failure)
    if own.result is not None:
        state.TEXTS_SHORTENED.set(own.result.shortened)
        _hold(_MEASURED, ProfileView(own.result.profile, "measured", texts or {}))
