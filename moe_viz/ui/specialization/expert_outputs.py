"""Towards which tokens an expert writes: recorded for the bundled model, measured for any other."""

from __future__ import annotations

from typing import Literal

import pandas as pd
import streamlit as st

from moe_viz import demo
from moe_viz.data.expert_outputs import ExpertOutputs
from moe_viz.data.provenance import model_identity
from moe_viz.engine.background import Background
from moe_viz.metrics.expert_outputs import written_tokens
from moe_viz.probes import probe_texts
from moe_viz.ui.session import state
from moe_viz.ui.session.model_in_use import engine
from moe_viz.ui.session.profile_view import ProfileView
from moe_viz.ui.session.session import session
from moe_viz.ui.session.trace_view import origin_text
from moe_viz.ui.specialization.measuring_outputs import CHARACTERS, TEXTS, measure_outputs
from moe_viz.ui.specialization.profiles import looked_at
from moe_viz.ui.widgets.definition import heading
from moe_viz.ui.widgets.numbers import folded_tables
from moe_viz.ui.widgets.words import plain

_EVERY = 0.5
_ENDS: dict[Literal["raised", "lowered"], str] = {"raised": "Raises most", "lowered": "Lowers most"}


@st.cache_resource(show_spinner=False)
def recorded_outputs() -> ExpertOutputs:
    """The bundled model's, shared by all sessions."""
    return ExpertOutputs.load(demo.EXPERT_OUTPUTS)


def writes_toward(profiled: ProfileView, site: int, expert: int) -> None:
    """Draw the tokens that the expert's mean output raises and lowers most, and a button that measures them."""
    heading(
        "What it writes toward",
        "W_U (g ⊙ mean over its tokens of what it adds), minus the mean over the vocabulary",
        "W_U: the unembedding; g: the final norm’s gain, without its scaling. The logit lens (nostalgebraist 2020),"
        " applied to a part of the residual stream as in Geva et al. (arXiv 2203.14680).",
        "What it adds: the output of the model’s own experts module for this expert alone, weighted as the model"
        " weighed it, at each token that took it.",
        "This is the direct path only: what later layers do with it is left out. Effects can be compared within an"
        " expert, not between layers.",
        term="logit lens",
    )
    under_way = state.READING_OUTPUTS.get()
    if under_way is not None and under_way.over:
        _arrive(under_way)
    if reason := state.OUTPUTS_FAILURE.get():
        st.error(plain(reason), icon=":material/error:")
    found = _outputs_of(profiled)
    if found is None:
        st.caption("This is not measured yet for the model of this profile.")
    else:
        _show(*found, site, expert)
    _measure()


def _outputs_of(profiled: ProfileView) -> tuple[ExpertOutputs, str] | None:
    """The outputs of the profile's model and their origin: measured ones come before recorded ones."""
    own = state.EXPERT_OUTPUTS.get()
    for outputs, origin in ((own, "measured"), (recorded_outputs(), "recorded")):
        if outputs is not None and _is_of(outputs, profiled):
            return outputs, origin
    return None


def _is_of(outputs: ExpertOutputs, profiled: ProfileView) -> bool:
    same = model_identity(outputs.provenance) == model_identity(profiled.profile.runs[0].provenance)
    return same and outputs.sites == profiled.profile.sites


def _show(outputs: ExpertOutputs, origin: str, site: int, expert: int) -> None:
    taken = int(outputs.taken[site, expert])
    read = f"the {outputs.tokens:,} tokens of {outputs.texts:,} texts"
    if not taken:
        st.caption(f"It took none of {read}.")
    else:
        tables = {end: written_tokens(outputs, site, expert, end) for end in _ENDS}
        for column, (end, title) in zip(st.columns(2, gap="large"), _ENDS.items(), strict=True):
            with column:
                _tokens(title, tables[end], float(tables["raised"]["effect"].max()))
        st.caption(
            f"The mean over {taken:,} of {read}, which are the tokens that took it; · is a space. The mean is"
            f" {outputs.agreement[site, expert]:.0%} as long as what it adds to a single token: at 100 % it adds the"
            " same to each token; near 0 % its outputs have no common direction, and the mean says little."
        )
        folded_tables({"writes-toward": lambda: pd.concat(tables, names=["end"]).reset_index("end")})
    origin = origin_text(outputs.provenance, len(outputs.sites), origin)
    st.caption(plain(" ".join((f"{outputs.corpus}: {origin}", *outputs.provenance.notes))))


def _tokens(title: str, rows: pd.DataFrame, most: float) -> None:
    st.markdown(title)
    st.dataframe(
        rows[["token", "effect"]].assign(strength=rows["effect"].abs()),
        hide_index=True,
        height=320,
        column_config={
            "effect": st.column_config.NumberColumn(format="%+.2f"),
            "strength": st.column_config.ProgressColumn("", format=" ", min_value=0.0, max_value=most),
        },
    )


def _begin() -> None:
    profiled = looked_at()
    run = profiled.profile.runs[0]
    texts, corpus = (profiled.texts, run.corpus) if profiled.texts else (probe_texts(), "the probe texts of moe_viz")
    state.OUTPUTS_FAILURE.set(None)
    state.READING_OUTPUTS.set(measure_outputs(engine(), session().owner, corpus, texts, run.provenance))


def _measure() -> None:
    """Draw the button that measures with the model in use, or the progress."""
    own = state.READING_OUTPUTS.get()
    if own is not None:
        _progress(own)
        return
    st.button(
        "Measure what experts write with the model in use",
        on_click=_begin,
        help=f"This reads at most {TEXTS} texts, the first {CHARACTERS:,} characters of each. It takes about twice as"
        " long as reading alone; other people’s requests run between two texts.",
    )


def _progress(own: Background[ExpertOutputs]) -> None:
    @st.fragment(run_every=_EVERY)
    def line() -> None:
        if own.over:
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(own.share, "Running each expert alone", width="stretch")
            st.button("Stop", key="stop outputs", on_click=own.stop)

    line()


def _arrive(own: Background[ExpertOutputs]) -> None:
    """Show what was measured, or keep the reason why there is nothing."""
    state.READING_OUTPUTS.set(None)
    state.OUTPUTS_FAILURE.set(own.failure)
    if own.result is not None:
        state.EXPERT_OUTPUTS.set(own.result)
