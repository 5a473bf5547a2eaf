"""Which profile is looked at: the recorded one, what was measured now, or what was opened from a file."""

from __future__ import annotations

import streamlit as st

from moe_viz.errors import EngineError, MoeVizError
from moe_viz.probes import probe_texts
from moe_viz.profiles.profile_file import MAX_BYTES, read, write
from moe_viz.settings import settings
from moe_viz.ui.session.memory_budget import MEMORY_BUDGET, Evictable
from moe_viz.ui.session.model_in_use import engine, model_name
from moe_viz.ui.session.session import session
from moe_viz.ui.specialization.measuring import Measuring, Texts
from moe_viz.ui.specialization.profile_view import HELD_OUT, PROBES, RECORDED, ProfileView, recorded
from moe_viz.ui.specialization.upload import upload_texts, uploaded_texts
from moe_viz.ui.widgets.link import carry
from moe_viz.ui.widgets.words import plain

_MEASURED, _OPENED = "Measured", "Opened"
_HELD = {_MEASURED: "measured", _OPENED: "opened profile"}
"""Where the session holds those that are its own."""
_AGAIN = {_MEASURED: "Measure it again.", _OPENED: "Open its file again."}
_IN_MEMORY = 8
"""So many times larger than in its file, decompressed, a profile is at most in memory."""
_ABOUT = {
    PROBES: "Recorded with the bundled model over the probe texts of this project.",
    HELD_OUT: "Recorded with the bundled model over texts that had no part in its training, as counts alone.",
}
_EVERY = 0.5
"""How often a page looks at what is being measured, in seconds."""


class EvictableProfile(Evictable[ProfileView]):
    """A profile on a page, for as long as there is room for it."""

    def file(self) -> bytes:
        """The profile as a `.moeprofile` file. Raises EngineError if it was let go."""
        if self.view is None:
            raise EngineError("this profile is no longer kept; measure it again")
        return write(self.view.profile)


def chosen_profile(title: str) -> ProfileView:
    """Draw a page's heading and the choice of what it shows. Returns that."""
    st.markdown(f"##### {title}")
    under_way: Measuring | None = st.session_state.get("measuring")
    if under_way is not None and under_way.over:
        _arrive(under_way)
    if reason := st.session_state.get("not opened"):
        st.error(plain(reason), icon=":material/error:")
    own = _choice()
    chosen = own.view or recorded()
    with st.spinner("Testing every expert against chance"):
        _ = chosen.specialists  # worked out once
    if chosen.origin != "recorded":
        MEMORY_BUDGET.touch(own)
        carry(notes=[f"What you {chosen.origin} stays with you: whoever opens it sees what was recorded."])
    _saved_profiles(own)
    return chosen


def looked_at() -> ProfileView:
    """What a page would show, without drawing the choice."""
    which = st.session_state.get("profile", PROBES)
    held: EvictableProfile | None = st.session_state.get(_HELD[which]) if which in _HELD else None
    return (held.view if held else None) or recorded(which if which in RECORDED else PROBES)


def _choice() -> EvictableProfile:
    """Draw the choice. Returns what is chosen; of what was let go, a recorded one in its place."""
    held: dict[str, EvictableProfile] = {
        name: st.session_state[key] for name, key in _HELD.items() if key in st.session_state
    }
    which = st.segmented_control(
        "Profile",
        [*RECORDED, *held],
        default=PROBES,
        required=True,
        key="profile",
        persist_state="session",
        bind="query-params",
    )
    if which in held and held[which].view is None:
        st.info(
            f"The server had no room any more for the profile that was {which.lower()}; those seen longest ago go"
            f" first. {_AGAIN[which]} Below is a recorded one."
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
        st.session_state["not opened"] = None
        file = st.session_state["profile file"]
        if file is None:
            return
        limit = min(MAX_BYTES, settings().results_megabytes * 10**6 // _IN_MEMORY)
        try:
            _hold(_OPENED, ProfileView(read(file.getvalue(), limit), "opened", {}))
        except MoeVizError as error:
            st.session_state["not opened"] = f"{file.name}: {error}"

    with st.sidebar.expander("Saved profiles"):
        st.download_button(
            "Save this profile",
            data=own.file,
            file_name="profile.moeprofile",
            mime="application/octet-stream",
            on_click="ignore",
            key="save profile",
        )
        st.file_uploader("Open a profile", type=["moeprofile"], key="profile file", on_change=opened)


def _hold(name: str, profiled: ProfileView) -> None:
    """Have the session hold a profile, and look at it."""
    st.session_state[_HELD[name]] = EvictableProfile(profiled)
    st.session_state["profile"] = name


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
        upload_texts()
        if uploaded_texts():
            st.button(
                f"Measure your {len(uploaded_texts())} domains" if len(uploaded_texts()) > 1 else "Measure your domain",
                type="primary",
                on_click=_begin,
                args=("texts that were brought", dict(uploaded_texts())),
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
        _hold(_MEASURED, ProfileView(own.profile, "measured", own.texts))
