"""The parts of the Layers page: how each router spreads a text, or a whole profile, over its experts."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from moe_viz.data.router_site import RouterSite
from moe_viz.figures.heatmap import Kind, clicked_cell, heatmap
from moe_viz.metrics.ordering import by_load
from moe_viz.metrics.tokens import tokens_of_expert
from moe_viz.ui.session import state
from moe_viz.ui.session.opened_link import cell_of_link
from moe_viz.ui.session.profile_view import ProfileView
from moe_viz.ui.session.trace_view import TraceView
from moe_viz.ui.specialization.by_layer import draw_by_layer, draw_domain_information
from moe_viz.ui.specialization.choose_expert import ask_for_expert, go_to_asked_expert
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.definition import heading
from moe_viz.ui.widgets.link import carry
from moe_viz.ui.widgets.numbers import Tables, folded_tables, numbers, profile_provenance
from moe_viz.ui.widgets.ordering import ORDERED, Order, choose_order


@dataclass(frozen=True)
class _CellOfLayers:
    """One of the heatmaps: its name, its column in the table of experts, how to read it, what it is."""

    title: str
    column: str
    kind: Kind
    reading: str
    formula: str


_OF_LOAD = (
    _CellOfLayers(
        "Load",
        "load",
        "load",
        "Each cell is the share of its layer's assignments that the expert took; a row sums to 100 %.",
        "assignments of the expert / assignments of the layer",
    ),
    _CellOfLayers(
        "Mean gating weight",
        "mean_gating_weight",
        "weight",
        "Each cell is the gating weight that the expert was given, averaged over the tokens that it took;"
        " a grey cell took none.",
        "sum of the expert’s gating weights / its tokens",
    ),
    _CellOfLayers(
        "Difference from uniform",
        "uniform_difference",
        "difference",
        "Each cell is the expert's load against an even spread: 0 % is an even share, +100 % is twice"
        " that, −100 % is never used.",
        "load × experts − 1",
    ),
)
_OF_DOMAINS = _CellOfLayers(
    "Largest domain difference",
    "largest_difference",
    "specialization",
    "Each cell is how much more of one domain’s tokens the expert took than of the other domains’, for the domain"
    " where this difference is largest; point at a cell to see which domain.",
    "max over domains of (share of the domain’s tokens − mean over the others of their shares)",
)


@dataclass(frozen=True, eq=False)
class _Spread:
    """What is drawn, of a text or of a profile alike."""

    sites: tuple[RouterSite, ...]
    names: Sequence[str]
    experts: pd.DataFrame
    """One row per expert."""
    coactivation_order: Callable[[], np.ndarray]
    size: str

    def matrix(self, column: str) -> np.ndarray:
        """One column of the table of experts as `[site expert]`, missing where there is no such expert."""
        return self.experts.pivot(index="site", columns="expert", values=column).to_numpy()

    def ordered(self, order: Order) -> np.ndarray | None:
        """The expert that stands at each place, `[site expert]`; None if the experts stand by their number."""
        if order == "Index":
            return None
        return by_load(self.matrix("count")) if order == "Load" else self.coactivation_order()


def of_a_text(shown: TraceView) -> None:
    """Draw one text: the heatmap, the tokens of a clicked expert, layer by layer."""
    spread = _Spread(
        shown.trace.sites,
        [f"L{site.layer}" for site in shown.trace.sites],
        shown.experts,
        lambda: shown.coactivation_order,
        f"{len(shown.trace):,} tokens",
    )
    of = weakref.ref(shown)  # Streamlit keeps what is called on a click for as long as the page is open
    if (linked := cell_of_link(shown.trace)) is not None:
        state.SELECTED_CELL.set((of, linked))
    selected = _selected(shown)
    carry(cell=selected)

    def keep(cell: tuple[int, int]) -> None:
        # The outline makes it another figure to Streamlit, which then forgets the selection.
        state.SELECTED_CELL.set((of, cell))

    click = "Click a cell to see the tokens that its expert took."
    numbers(shown, _heatmap(spread, _OF_LOAD, keep, click, selected))
    if selected is not None:
        _expert_tokens(shown, *selected)
    numbers(shown, draw_by_layer(shown.layers, shown.repetition, spread.size))


def of_a_profile(profiled: ProfileView) -> None:
    """Draw a whole profile: the heatmap, whose cells lead to their experts, and layer by layer."""
    go_to_asked_expert(profiled)
    several = len(profiled.names) > 1
    spread = _Spread(
        profiled.profile.sites,
        profiled.layers,
        profiled.expert_table,
        lambda: profiled.coactivation_order,
        profiled.size,
    )

    layers = profiled.layers  # Streamlit keeps `keep` for as long as the page is open: it must hold no profile

    def keep(cell: tuple[int, int]) -> None:
        ask_for_expert(layers[cell[0]], cell[1])

    views = (*_OF_LOAD, _OF_DOMAINS) if several else _OF_LOAD
    named = zip(profiled.profile.domains, profiled.names, strict=True)
    most_of = {domain: f"most of: {escape(called)}" for domain, called in named}
    folded_tables(_heatmap(spread, views, keep, "Click a cell to see its expert.", most_of=most_of))
    profile_provenance(profiled)
    drawn = draw_by_layer(profiled.layer_table, profiled.repetition, spread.size)
    if several:
        drawn |= draw_domain_information(profiled)
    folded_tables(drawn)
    profile_provenance(profiled)


def _heatmap(
    spread: _Spread,
    views: Sequence[_CellOfLayers],
    keep: Callable[[tuple[int, int]], None],
    click: str,
    selected: tuple[int, int] | None = None,
    most_of: Mapping[Any, str] | None = None,
) -> Tables:
    """Draw layers × experts; `keep` gets the (site, expert) of a cell that is clicked. Returns the table.

    `most_of` is the hover text that names the domain with the largest difference.
    """
    title = st.empty()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        titles = [view.title for view in views]
        chosen = st.segmented_control(
            "Each cell", titles, default=titles[0], required=True, key=state.CELL_OF_LAYERS.key, bind="query-params"
        )
        by = choose_order(spread.sites)
    view = next(view for view in views if view.title == chosen)
    with title:
        heading(
            "Layers × experts",
            view.formula,
            f"Orders. {ORDERED}",
            f"n: {spread.size}. All tokens count.",
            term="load",
        )
    order = spread.ordered(by)

    def clicked() -> None:
        cell = clicked_cell(state.selected_points(state.HEATMAP), order)
        if cell is not None:
            keep(cell)

    drawn = chart(
        heatmap,
        spread.experts,
        name="layers-experts",
        key=state.HEATMAP.key,
        on_select=clicked,
        alt=f"{view.title}, one row per layer, one column per expert; the table below has the numbers",
        value=view.column,
        kind=view.kind,
        row="site",
        names=dict(enumerate(spread.names)),
        selected=selected,
        hover={"tokens taken": "count"},
        note=("best_domain", most_of) if most_of and view is _OF_DOMAINS else None,
        order=order,
    )
    st.caption(f"{view.reading} {click}{_about_order(spread, by)}")
    return drawn


def _about_order(spread: _Spread, order: Order) -> str:
    if order != "Co-activation":
        return ""
    alone = [name for name, site in zip(spread.names, spread.sites, strict=True) if site.top_k == 1]
    by_number = f" In {', '.join(alone)} each token takes one expert: experts stand by number there." if alone else ""
    return f" Experts that take the same tokens stand together.{by_number}"


def _selected(shown: TraceView) -> tuple[int, int] | None:
    """The cell that was clicked, if it was clicked in this trace's heatmap."""
    selected = state.SELECTED_CELL.get()
    return selected[1] if selected is not None and selected[0]() is shown else None


def _expert_tokens(shown: TraceView, site: int, expert: int) -> None:
    """The tokens that one expert took, in their context."""
    trace = shown.trace
    tokens = tokens_of_expert(trace, site, expert)
    st.subheader(f"Expert {expert} in layer {trace.sites[site].layer}: {len(tokens)} of {len(trace)} tokens")
    if tokens.empty:
        st.caption("It took no token of this text.")
        return
    st.caption(
        "In the order of the text, with the text around each token. Rank 1: no other expert had a larger gating"
        " weight for it."
    )
    st.dataframe(
        tokens[["position", "before", "token", "after", "rank", "gating_weight"]],
        hide_index=True,
        column_config={
            "before": st.column_config.TextColumn(alignment="right"),
            "token": st.column_config.TextColumn(alignment="center"),
            "gating_weight": st.column_config.ProgressColumn(
                "gating weight", format="%.3f", min_value=0.0, max_value=float(tokens["gating_weight"].max())
            ),
        },
    )
