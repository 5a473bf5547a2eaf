"""The parts of the Experts page: one expert, the domains it serves, the tokens it takes, the experts it works with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from moe_viz.figures import captions
from moe_viz.figures.atlas import load_bars, share_by_domain
from moe_viz.metrics import atlas
from moe_viz.metrics.coactivation import EXPECTED
from moe_viz.metrics.domains import DRAWS
from moe_viz.metrics.specialists import LEVEL
from moe_viz.metrics.vocabulary import MINIMUM
from moe_viz.profiles.profile_counts import VIEWS
from moe_viz.ui.session import state
from moe_viz.ui.session.profile_view import ProfileView
from moe_viz.ui.specialization.choose_expert import choose_layer, take_up_asked_expert
from moe_viz.ui.specialization.contexts import contexts
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.definition import heading
from moe_viz.ui.widgets.numbers import folded_tables, profile_provenance

_PERCENT = st.column_config.NumberColumn(format="percent")
_LIFT = st.column_config.NumberColumn(format="%.1f ×")
_VIEW_NAMES = {
    "input": "The token read",
    "predicted": "The model’s guess of the next",
    "next": "The next token",
}
_WHERE = {
    "before": "At the router before",
    "beside": "In the same layer",
    "after": "At the router after",
}
_MOST = 6
_TOKENS = 200


def choose_expert(profiled: ProfileView) -> tuple[int, int]:
    """Draw the choice of layer and expert, which the address keeps. Returns the router's index, and the expert."""
    take_up_asked_expert()
    state.ASKED_EXPERT.pop()
    left, right = st.columns(2)
    with left:
        site = choose_layer(profiled)
    experts = list(range(profiled.profile.sites[site].num_experts))
    with right:
        if state.EXPERT.get() not in experts:
            state.EXPERT.set(0)
        expert: int = st.selectbox("Expert", experts, key=state.EXPERT.key, bind="query-params")
    return site, expert


def draw_summary(profiled: ProfileView, site: int, expert: int) -> None:
    """The expert in four numbers, and its load against the others'."""
    table = atlas.loads(profiled.profile, site)
    uses = profiled.uses
    own = uses[(uses["site"] == site) & (uses["expert"] == expert) & profiled.tested]
    facts = captions.expert_in_numbers(table, own, expert, int(profiled.profile.tokens.sum()))
    with st.container(horizontal=True, gap="large", key="expert headline"):
        for label, value in facts.items():
            st.metric(label, value, width="content")


def share_and_load(profiled: ProfileView, site: int, expert: int) -> None:
    """Its share by domain, and its load against the others'."""
    left, right = st.columns([1.2, 1], gap="large")
    with left:
        _share(profiled, site, expert)
    with right:
        _loads(profiled, site, expert)
    profile_provenance(profiled)


def _share(profiled: ProfileView, site: int, expert: int) -> None:
    heading(
        "Share of each domain’s tokens",
        "N(tokens of the domain that took the expert) / N(tokens of the domain)",
        "Domain specialization, OLMoE (arXiv 2409.02060, equation 7)."
        + (
            f" Interval: bootstrap over the domain’s documents, {DRAWS} draws, 95 % by percentiles."
            if profiled.interval
            else ""
        ),
        (
            f"A diamond: a specialist, at a false-discovery rate of {LEVEL:.0%} over all experts of the model. "
            if profiled.tested
            else ""
        )
        + f"n: {profiled.size}.",
        term="domain specialization",
    )
    router = profiled.profile.sites[site]
    table = atlas.domain_shares(profiled.profile, profiled.specialists, site, expert, np.random.default_rng(0))
    table = table.assign(name=profiled.names).sort_values("share", ascending=False, ignore_index=True)
    drawn = chart(
        share_by_domain,
        table,
        name="share-by-domain",
        key="share by domain",
        alt=captions.share_by_domain_in_words(table),
        even=router.top_k / router.num_experts,
        overall=float(profiled.overall[site, expert]),
    )
    st.caption(
        "Each point is the share of a domain’s tokens that took this expert, the largest on top. The solid line is"
        " its share of all tokens. The dotted line is its share if all experts took the same."
        + ("" if profiled.interval else " There is no interval, because a domain has only one text.")
    )
    folded_tables(drawn)


def _loads(profiled: ProfileView, site: int, expert: int) -> None:
    heading(
        "Load against the others",
        "assignments of the expert / assignments of the layer",
        "Tokens of all domains count, at any rank of the choice. The dotted line is an even spread.",
        f"n: {profiled.size}.",
        term="load",
    )
    table = atlas.loads(profiled.profile, site)

    def keep() -> None:
        for point in state.selected_points(state.LOADS):
            state.EXPERT.set(int(point["x"]))

    said = captions.load_in_words(table, expert, profiled.layers[site])
    drawn = chart(load_bars, table, name="loads", key=state.LOADS.key, on_select=keep, alt=said, selected=expert)
    st.caption(
        "Each bar is an expert’s share of the layer’s assignments; this expert’s bar is in colour. Click a bar to see"
        " its expert."
    )
    folded_tables(drawn)


def tokens_and_alike(profiled: ProfileView, site: int, expert: int) -> None:
    """The tokens that the expert takes, and the experts that are most like it."""
    left, right = st.columns([1.6, 1], gap="large")
    with left:
        _tokens(profiled, site, expert)
    with right:
        _alike(profiled, site, expert)
    contexts(profiled, site, expert)
    profile_provenance(profiled)


def _tokens(profiled: ProfileView, site: int, expert: int) -> None:
    title = st.empty()
    view = st.segmented_control(
        "By",
        VIEWS,
        default=VIEWS[0],
        required=True,
        format_func=_VIEW_NAMES.__getitem__,
        key=state.TOKEN_VIEW.key,
        bind="query-params",
        label_visibility="collapsed",
    )
    table = atlas.taken_tokens(profiled.profile, site, expert, view)
    with title:
        heading(
            "The tokens it takes",
            "share = N(token that took the expert) / N(token); lift = share / the expert’s share of all tokens",
            "Vocabulary specialization, OLMoE (arXiv 2409.02060, equation 8), at any rank of the choice. Sorted by the"
            " lower end of Wilson’s 95 % interval of the share, so that rare tokens do not come first.",
            f"Filter: tokens that occur at least {MINIMUM} times; the share of a token that occurs once is always 0 or"
            f" 1. n: {profiled.size}.",
            term="vocabulary specialization",
        )
    if table.empty:
        st.caption(f"It took none of the tokens that occur at least {MINIMUM} times.")
    else:
        st.dataframe(
            table[["token", "taken", "met", "share", "at_least", "lift"]].head(_TOKENS),
            hide_index=True,
            height=320,
            column_config={
                "share": st.column_config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0),
                "at_least": st.column_config.NumberColumn("at least", format="percent"),
                "lift": _LIFT,
            },
        )
        missed = int(table["missed"].max())
        cut = f" Counts may be too small by up to {missed:,}, because only the most frequent tokens are kept."
        st.caption(
            f"{len(table):,} tokens that occur at least {MINIMUM} times; · is a space. A lift of 1 × is no preference."
            + (cut if missed else "")
        )
        folded_tables({"tokens": lambda: table})


def draw_partners(profiled: ProfileView, site: int, expert: int) -> None:
    """The experts that it works with, in its layer and in the layers before and after."""
    heading(
        "Its partners",
        "share = N(tokens that took both) / N(tokens that took this expert); lift = N(tokens that took both) / as many"
        " by chance",
        "Co-activation, OLMoE (arXiv 2409.02060, equation 6), of all pairs of a token’s experts; before and after: the"
        " same token at the neighbouring router. Chance: the two choices are independent; in one layer"
        " a token takes no expert twice (quasi-independence; Goodman 1968).",
        f"No lift where chance gives fewer than {EXPECTED} tokens. n: {profiled.size}.",
        term="co-activation",
    )
    found = atlas.partners(profiled.profile, site, expert)
    for column, (where, table) in zip(st.columns(len(_WHERE)), found.items(), strict=False):
        with column:
            at = f" ({profiled.layers[int(table['site'].iloc[0])]})" if len(table) else ""
            st.markdown(f"{_WHERE[where]}{at}")
            _others(profiled, table, state.OTHER_EXPERTS.of(where, site, expert), ["share", "lift"])
    st.caption(
        "The share of its tokens that also took the other expert, the largest lift first; 1 × is chance. Select a row"
        " to see that expert."
    )
    folded_tables({"partners": lambda: pd.concat(found, names=["where"]).reset_index("where")})
    profile_provenance(profiled)


def _alike(profiled: ProfileView, site: int, expert: int) -> None:
    if len(profiled.names) == 1:
        return
    heading(
        "The experts most like it, by domain",
        "Jensen-Shannon divergence of the two experts’ distributions over domains, in bits",
        "Lin (IEEE Transactions on Information Theory 37, 1991, equation 4.1). Every domain weighs the same; which"
        " tokens they are does not count. 0: the same domains in the same proportions; 1: no domain in common.",
        f"All experts of all layers are compared. n: {profiled.size}.",
        term="Jensen-Shannon divergence",
    )
    table = atlas.most_alike(profiled.profile, profiled.specialists.use, site, expert)
    _others(profiled, table, state.OTHER_EXPERTS.of("alike", site, expert), ["divergence"])
    st.caption("The most alike come first. Select a row to see that expert.")
    folded_tables({"alike": lambda: table})


def _others(profiled: ProfileView, table: pd.DataFrame, entry: state.Entry[Any], columns: list[str]) -> None:
    """A table of other experts; each row leads to its expert."""
    if table.empty:
        st.caption("There are none: this expert took no token.")
        return
    rows = table.head(_MOST)
    layers = profiled.layers  # Streamlit keeps `keep` for as long as the page is open: it must hold no profile

    def keep() -> None:
        for row in state.selected_rows(entry):
            state.LAYER.set(layers[int(rows["site"][row])])
            state.EXPERT.set(int(rows["expert"][row]))

    shown = rows[["expert", *columns]].copy()
    shown.insert(0, "layer", [profiled.layers[site] for site in rows["site"]])
    st.dataframe(
        shown,
        hide_index=True,
        key=entry.key,
        on_select=keep,
        selection_mode="single-row",
        column_config={
            "share": _PERCENT,
            "lift": _LIFT,
            "divergence": st.column_config.NumberColumn("divergence, bits", format="%.3f"),
        },
    )
