"""The parts of the Flow page: which experts the same tokens take, in one layer and from one to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st

from moe_viz.figures import captions
from moe_viz.figures.coactivation import coactivation_heatmap
from moe_viz.figures.flow import neighbours
from moe_viz.figures.heatmap import clicked_cell
from moe_viz.figures.paths import path_diagram
from moe_viz.metrics.coactivation import EXPECTED, coactivation_table
from moe_viz.metrics.flow import BRANCHES, LIFT, NAMED, STEPS, WIDTH, by_strength, even_share, links, paths
from moe_viz.metrics.ordering import by_load
from moe_viz.metrics.specialists import site_columns
from moe_viz.ui.session import state
from moe_viz.ui.session.profile_view import ProfileView
from moe_viz.ui.specialization.choose_expert import ask_for_expert, go_to_asked_expert
from moe_viz.ui.specialization.experts import choose_expert
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.definition import heading
from moe_viz.ui.widgets.numbers import folded_tables, profile_provenance
from moe_viz.ui.widgets.ordering import ORDERED, choose_order

_MOST_TOGETHER = 3
_ENDS = ("near", "far")


@dataclass(frozen=True)
class _CellOfPairs:
    """What a cell of the heatmap can show."""

    title: str
    value: Literal["share", "lift"]
    reading: str


_CELLS = (
    _CellOfPairs(
        "Share of its tokens",
        "share",
        "Each cell is the share of the row’s tokens that also took the column’s expert; a row sums to the"
        " number of other experts per token.",
    ),
    _CellOfPairs(
        "Against chance",
        "lift",
        "Each cell is how many times more often a token took both experts than their load alone predicts:"
        " white is chance, red is more, blue is less.",
    ),
)


def choose_layer_and_experts(profiled: ProfileView) -> tuple[int, list[int]]:
    """Draw the choice of layer and experts, which the address keeps. Returns the router's index, and the experts."""
    go_to_asked_expert(profiled)
    left, right = st.columns([2, 1.4], vertical_alignment="bottom")
    with left:
        site, expert = choose_expert(profiled)
    others = [other for other in range(profiled.profile.sites[site].num_experts) if other != expert]
    state.TOGETHER_WITH.set([other for other in state.TOGETHER_WITH.get() or [] if other in others])
    with right:
        together: list[int] = st.multiselect(
            "Together with",
            others,
            key=state.TOGETHER_WITH.key,
            bind="query-params",
            max_selections=_MOST_TOGETHER,
            placeholder="More experts of the layer",
        )
    return site, [expert, *together]


def draw_layer(profiled: ProfileView, site: int, experts: list[int]) -> None:
    """The layer's experts against each other, and where the tokens of the chosen experts come from and go to."""
    left, right = st.columns([1.1, 1], gap="large")
    with left:
        _coactivation(profiled, site, experts[0])
    with right:
        _flow(profiled, site, experts)
    profile_provenance(profiled)


def _coactivation(profiled: ProfileView, site: int, expert: int) -> None:
    """The layer's experts against each other; a cell leads to its row's expert."""
    router, layer = profiled.profile.sites[site], profiled.layers[site]
    heading(
        f"{layer}: co-activation",
        "share = N(tokens that took both) / N(tokens that took the row’s expert)",
        "Co-activation, OLMoE (arXiv 2409.02060, equation 6), of all pairs of a token’s experts. The code that made"
        " the paper’s figures counts only pairs of neighbouring ranks: as_coded in the table.",
        "Chance: every expert keeps its number of pairs, and its partners are random, but never itself"
        f" (quasi-independence, Goodman 1968). Filter: at least {EXPECTED} tokens expected by chance; other cells are"
        " grey.",
        f"Orders. {ORDERED}",
        f"n: {profiled.size}. All tokens count.",
        term="co-activation",
    )
    if router.top_k == 1:
        st.info(f"Each token takes one expert in {layer} (top-1): there is no co-activation.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        titles = [view.title for view in _CELLS]
        title = st.segmented_control(
            "Each cell", titles, default=titles[0], required=True, key=state.CELL_OF_PAIRS.key, bind="query-params"
        )
        order = choose_order([router])
    view = next(view for view in _CELLS if view.title == title)
    table = _at(profiled, site, coactivation_table(profiled.profile, site))

    places = _ordered(profiled, site, order)

    def keep() -> None:
        cell = clicked_cell(state.selected_points(state.PAIRS))
        if cell is not None:
            ask_for_expert(layer, int(places[cell[0]]))

    drawn = chart(
        coactivation_heatmap,
        table,
        name="co-activation",
        key=state.PAIRS.key,
        on_select=keep,
        alt=f"{view.title}: {captions.pairs(table)}",
        order=places,
        value=view.value,
        selected=expert,
    )
    st.caption(f"{view.reading} Framed: expert {expert}. Click a cell to see its row’s expert.")
    folded_tables(drawn)


def _ordered(profiled: ProfileView, site: int, order: str) -> np.ndarray:
    experts = profiled.profile.sites[site].num_experts
    if order == "Load":
        return by_load(profiled.overall[site, :experts])
    return profiled.coactivation_order[site, :experts] if order == "Co-activation" else np.arange(experts)


def _flow(profiled: ProfileView, site: int, experts: list[int]) -> None:
    """Where the tokens of the chosen experts come from and go to; a click on an expert shows its own flow."""
    heading(
        f"{profiled.layers[site]}, {_called(experts)}: where the tokens come from and go to",
        "share = N(tokens that took both) / N(tokens that took the chosen); lift = share / the other’s share of all",
        "The same token at the router before and after, counted for every token; the shares of all experts"
        " of a router sum to its experts per token. A lift of 1 is chance: the two choices are independent.",
        f"Named: experts that take at least an even share of these tokens, at most {NAMED} per side; the"
        f" others are summed up. In colour: a lift of at least {LIFT:g} or at most 1/{LIFT:g}, where at least"
        f" {EXPECTED} tokens are expected.",
        f"n: {profiled.size}.",
        term="lift",
    )
    table = links(profiled.profile, site, experts)
    if table.empty:
        st.info("The model has one router: there is none before or after it.")
        return
    strengths = {
        str(direction): by_strength(rows, even_share(profiled.profile, int(rows["site"].iloc[0])))
        for direction, rows in table.groupby("direction", sort=False)
    }
    if not table["taken"].any():
        st.caption("This expert took no token.")
        return

    layers = profiled.layers  # Streamlit keeps `keep` for as long as the page is open: it must hold no profile

    def keep() -> None:
        for sign, other, *_rest in _clicked(state.FLOW):
            _walk_to(layers[site + int(sign)], int(other))

    names = {"here": profiled.layers[site]} | {d: profiled.layers[site + STEPS[d]] for d in strengths}
    said = "; ".join(f"{direction}: {captions.strongest(strength)}" for direction, strength in strengths.items())
    drawn = chart(
        neighbours,
        table,
        name="flow",
        key=state.FLOW.key,
        on_select=keep,
        alt=said,
        strengths=strengths,
        names=names,
        lift=LIFT,
    )
    routers = {d: (names[d], profiled.profile.sites[site + STEPS[d]].top_k) for d in strengths}
    st.caption(f"{captions.flow(strengths, routers)} Click an expert to follow its tokens.")
    with st.container(horizontal=True):
        for expert in experts:
            st.button(
                f"See expert {expert}",
                key=f"see {expert}",
                type="tertiary",
                icon=":material/grid_view:",
                on_click=ask_for_expert,
                args=(profiled.layers[site], expert),
            )
    folded_tables(drawn)


def draw_paths(profiled: ProfileView, site: int, experts: list[int]) -> None:
    """The strongest links through the whole model; a click on an expert or a layer shows it."""
    if len(profiled.profile.sites) == 1:
        return
    heading(
        f"From {profiled.layers[site]}, {_called(experts)}, through all layers",
        "share = N(tokens that took both) / N(tokens that took the nearer expert)",
        f"Drawn: from each expert reached, the {BRANCHES} links with the largest share among those with a lift of at"
        f" least {LIFT:g} (at least {EXPECTED} tokens expected); in each layer, the path continues from the {WIDTH}"
        " experts with the largest share.",
        "Counts are kept between neighbouring routers only, so that only the links in colour are of the chosen experts’"
        " tokens. A path is a chain of strong links, not the way of one token.",
        f"n: {profiled.size}.",
        term="lift",
    )
    table = paths(profiled.profile, site, experts)
    table = table.assign(
        **{f"{end}_layer": table[f"{end}_site"].map(dict(enumerate(profiled.layers))) for end in _ENDS}
    )

    layers = profiled.layers

    def keep() -> None:
        for at, expert in _clicked(state.PATHS):
            if expert < 0:
                state.LAYER.set(layers[int(at)])
            else:
                _walk_to(layers[int(at)], int(expert))

    said = ", ".join(
        f"{row.near_layer} expert {row.near} and {row.far_layer} expert {row.far}"
        for row in table.head(10).itertuples()
    )
    drawn = chart(
        path_diagram,
        table,
        name="paths",
        key=state.PATHS.key,
        on_select=keep,
        alt=said or "no link",
        site=site,
        experts=experts,
        layers=profiled.layers,
    )
    st.caption(
        "The width of a ribbon is the share of the nearer expert’s tokens that also took the farther one. "
        + (f"No link has a lift of at least {LIFT:g}. " if table.empty else "")
        + "Click an expert to follow it, or a layer’s name to look at that layer."
    )
    folded_tables(drawn)
    profile_provenance(profiled)


def _at(profiled: ProfileView, site: int, table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(
        [pd.DataFrame(site_columns(profiled.profile, np.full(len(table), site))), table.reset_index(drop=True)], axis=1
    )


def _called(experts: list[int]) -> str:
    return f"expert {experts[0]}" if len(experts) == 1 else f"experts {', '.join(map(str, experts))}"


def _walk_to(layer: str, expert: int) -> None:
    state.LAYER.set(layer)
    state.EXPERT.set(expert)
    state.TOGETHER_WITH.set([])


def _clicked(chart_entry: state.Entry[Any]) -> list[Any]:
    """The customdata of what was clicked in a chart."""
    return [point["customdata"] for point in state.selected_points(chart_entry)]
