"""The Domains page: which specialists are more than chance, and hold in texts that had no part in choosing them."""

from __future__ import annotations

from html import escape

import pandas as pd
import streamlit as st

from moe_viz.figures import captions
from moe_viz.figures.domains import halves
from moe_viz.metrics.domains import DRAWS
from moe_viz.metrics.specialists import LEVEL, held_out_table
from moe_viz.metrics.specialization import LEAST, MINIMUM_ASSIGNMENTS, MINIMUM_DOCUMENTS
from moe_viz.ui.session import state
from moe_viz.ui.session.profile_view import ProfileView
from moe_viz.ui.specialization.choose_expert import ask_for_expert
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.definition import heading
from moe_viz.ui.widgets.numbers import folded_tables, profile_provenance

BEYOND = f"used more than by the other domains, by over {LEAST:g} of an even use"
"""When an expert is called a domain's specialist, in words."""
_PERCENT = st.column_config.NumberColumn(format="percent")


def draw_specialists(profiled: ProfileView) -> None:
    """Which experts are marked, and whether they hold in texts that had no part in choosing them."""
    if len(profiled.names) == 1:
        return
    if not profiled.tested:
        st.info(
            f"No expert is tested: a test needs at least {MINIMUM_DOCUMENTS} texts of a domain, and as many of the"
            " others."
        )
        return
    left, right = st.columns([1.35, 1], gap="large")
    with left:
        _marked(profiled)
    with right:
        _halves(profiled)
    profile_provenance(profiled)


def _marked(profiled: ProfileView) -> None:
    uses = profiled.uses
    marked = uses[uses["marked"]].sort_values("difference", ascending=False, ignore_index=True)
    heading(
        captions.specialists_in_words(uses),
        f"marked: q ≤ {LEVEL:g} and a difference above {LEAST:g} · top-k / experts",
        f"An expert is called a specialist only if it is {BEYOND}: with enough texts any two domains differ (a"
        " convention of moe_viz). p: Welch’s t of the expert’s load in the domain’s documents against all others,"
        " minus that difference (McCarthy and Smyth, TREAT, 2009), one-sided, with the null of shuffled labels"
        f" ({DRAWS} draws, pooled over experts; Tusher, Tibshirani and Chu 2001). q: p adjusted by Benjamini and"
        " Hochberg (1995) over all domains, layers and experts.",
        f"Left out: documents of fewer than {MINIMUM_ASSIGNMENTS} choices, domains of fewer than"
        f" {MINIMUM_DOCUMENTS} documents. n: {profiled.size}.",
        term="specialist",
    )
    if marked.empty:
        st.caption("No expert takes enough more of a domain to be called its specialist.")
        return
    names = dict(zip(profiled.profile.domains, profiled.names, strict=True))
    shown = pd.DataFrame(
        {
            "layer": [profiled.layers[site] for site in marked["site"]],
            "expert": marked["expert"],
            "domain": marked["domain"].map(names),
            "share": marked["share"],
            "more than others": marked["difference"],
            "from": marked["low"],
            "to": marked["high"],
            "q": marked["q"],
        }
    )
    columns = dict.fromkeys(("share", "more than others", "from", "to"), _PERCENT)
    columns["q"] = st.column_config.NumberColumn(format="%.4f")
    if not profiled.interval:
        shown = shown.drop(columns=["from", "to"])

    layers = profiled.layers

    def keep() -> None:
        for row in state.selected_rows(state.SPECIALISTS):
            ask_for_expert(layers[int(marked["site"][row])], int(marked["expert"][row]))

    st.dataframe(
        shown,
        hide_index=True,
        height=320,
        column_config=columns,
        key=state.SPECIALISTS.key,
        on_select=keep,
        selection_mode="single-row",
    )
    st.caption(
        f"The largest differences first{', with their 95 % interval' if profiled.interval else ''}. Select a row to"
        f" see its expert. About {LEVEL:.0%} of all marked experts may be marked by chance."
    )
    folded_tables({"specialists": lambda: marked})


def _halves(profiled: ProfileView) -> None:
    with st.spinner("Testing halves of the documents"):
        split = profiled.halves
    heading(
        "Held out against fitted",
        "difference in the half where it was found, against the other half",
        "Each domain’s documents are split in two at random; specialists are found in one half alone, and only these"
        " are tested in the other half, adjusted for their number.",
        f"Confirmed: q ≤ {LEVEL:g} in the other half too. n: {profiled.size}.",
        term="held out",
    )
    if split is None or not split.found.any():
        st.caption("Half of the documents are too few to find a specialist.")
        return
    table = held_out_table(profiled.profile, split)
    named = zip(profiled.profile.domains, profiled.names, strict=True)
    names = {domain: escape(called) for domain, called in named}
    drawn = chart(
        halves, table, name="held-out", key="halves", alt=captions.confirmed(table), names=names, layers=profiled.layers
    )
    st.caption(captions.held_out_in_words(table))
    folded_tables(drawn)
