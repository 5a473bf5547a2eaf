"""The Domains page: which experts serve which domains, and how much that tells."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st

from moe_viz.figures import captions
from moe_viz.figures.domains import all_layers, given_token_lines, one_layer
from moe_viz.figures.heatmap import Kind, clicked_cell
from moe_viz.metrics.specialists import LEVEL
from moe_viz.metrics.token_identity_control import OCCURRENCES
from moe_viz.ui.session import state
from moe_viz.ui.session.profile_view import ProfileView
from moe_viz.ui.specialization.by_layer import draw_domain_information
from moe_viz.ui.specialization.choose_expert import ask_for_expert, choose_layer, go_to_asked_expert
from moe_viz.ui.specialization.profiles import looked_at
from moe_viz.ui.specialization.specialists import BEYOND
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.definition import heading
from moe_viz.ui.widgets.numbers import Tables, folded_tables, profile_provenance


@dataclass(frozen=True)
class _CellOfDomains:
    """What a cell of the heatmaps can show."""

    title: str
    kind: Kind
    column: str
    """Of the table of domains and experts."""
    reading: str
    formula: str
    source: str


_CELLS = (
    _CellOfDomains(
        "Share of the domain’s tokens",
        "use",
        "share",
        "Each cell is the share of the domain’s tokens that the expert took; a row sums to the number of experts per"
        " token.",
        "N(tokens of the domain that took the expert) / N(tokens of the domain)",
        "Domain specialization, OLMoE (arXiv 2409.02060, equation 7). Even: experts per token over experts.",
    ),
    _CellOfDomains(
        "Against the expert’s overall share",
        "use difference",
        "difference_from_overall",
        "Each cell is how much more of the domain’s tokens the expert took than of all tokens: 0 is no preference.",
        "share of the domain’s tokens − share of all tokens",
        "Domains with more tokens weigh more in the share of all tokens.",
    ),
    _CellOfDomains(
        "Against the other domains",
        "use difference",
        "difference",
        "Each cell is how much more of the domain’s tokens the expert took than of the other domains’ on average.",
        "share of the domain’s tokens − mean over the other domains of their shares",
        "The risk difference; with two domains the Δ of SteerMoE (A¹/N¹ − A²/N²). Domains weigh the same.",
    ),
)


@st.fragment
def heatmaps() -> None:
    """All layers small, one large; a cell leads to its expert. Another view or layer redraws only these."""
    profiled = looked_at()  # not an argument: Streamlit keeps those for as long as the page is open
    go_to_asked_expert(profiled)
    views = _CELLS if len(profiled.names) > 1 else _CELLS[:1]
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    with left:
        titles = [view.title for view in views]
        title = st.segmented_control(
            "Each cell", titles, default=titles[0], required=True, key=state.CELL_OF_DOMAINS.key, bind="query-params"
        )
    with right:
        site = choose_layer(profiled)
    view = next(view for view in views if view.title == title)
    limit = float(np.nanmax(profiled.uses[view.column].abs(), initial=0)) or 1.0
    large, small = st.columns([1.35, 1], gap="large")
    with large:
        drawn = _one_layer(profiled, view, limit, site)
    with small:
        drawn |= _every_layer(profiled, view, limit, site)
    folded_tables(drawn)
    profile_provenance(profiled)


def _one_layer(profiled: ProfileView, view: _CellOfDomains, limit: float, site: int) -> Tables:
    heading(
        f"{profiled.layers[site]}: domains × experts",
        view.formula,
        view.source,
        f"n: {profiled.size}. All tokens count, at any rank of the choice."
        + (f" A dot: a specialist, {BEYOND}, at a false-discovery rate of {LEVEL:.0%}." if profiled.tested else ""),
        term="domain specialization",
    )

    layer = profiled.layers[site]  # Streamlit keeps `keep` for as long as the page is open: it must hold no profile

    def keep() -> None:
        cell = clicked_cell(state.selected_points(state.DOMAINS_LARGE))
        if cell is not None:
            ask_for_expert(layer, cell[1])

    drawn = chart(
        one_layer,
        profiled.uses,
        name="domains-experts",
        key=state.DOMAINS_LARGE.key,
        on_select=keep,
        alt=f"{view.title} in {layer}, one row per domain, one column per expert; the table below has the numbers",
        site=site,
        value=view.column,
        kind=view.kind,
        limit=limit,
        names={profiled.profile.domains[domain]: escape(profiled.names[domain]) for domain in profiled.domains},
        dots=profiled.tested,
    )
    dots = " A dot marks a specialist." if profiled.tested else ""
    st.caption(f"{view.reading}{dots} Click a cell to see its expert.")
    return drawn


def _every_layer(profiled: ProfileView, view: _CellOfDomains, limit: float, site: int) -> Tables:
    st.markdown("**Every layer**")

    layers = profiled.layers

    def keep() -> None:
        for point in state.selected_points(state.DOMAINS_SMALL):
            state.LAYER.set(layers[int(np.ravel(point["customdata"])[0])])

    drawn = chart(
        all_layers,
        profiled.uses,
        name="domains-experts",
        key=state.DOMAINS_SMALL.key,
        on_select=keep,
        alt=f"{view.title} in every layer; the table below has the numbers",
        value=view.column,
        domains=[profiled.profile.domains[domain] for domain in profiled.domains],
        titles=layers,
        diverging=view.kind == "use difference",
        limit=limit,
        selected=site,
    )
    st.caption("The same for each layer, on the same scale. Click a layer to see it large.")
    return drawn


def draw_information(profiled: ProfileView) -> None:
    """How much the experts tell of the domain, and what is left of it once the token is known."""
    if len(profiled.names) == 1:
        st.info("There is only one domain, so there is nothing to compare it with. Add a second one.")
        return
    left, right = st.columns(2, gap="large")
    with left:
        drawn = draw_domain_information(profiled)
    table = profiled.information
    with right:
        heading(
            "What is left once the token is known",
            "I(domain; first expert | token) − the same with experts drawn without regard to the domain",
            f"Over tokens that occur at least {OCCURRENCES:,} times; the mean is weighted by occurrences. The other"
            " line: I(domain; first expert) of all tokens, every domain weighing the same.",
            f"Here: {int(table['tokens'].max()):,} tokens, {table['share_of_text'].max():.0%} of the text.",
            term="token-identity control",
        )
        if not table["tokens"].any():
            st.caption(f"No token occurs {OCCURRENCES:,} times in this text, so this cannot be measured.")
        else:
            drawn |= chart(
                given_token_lines,
                table,
                name="domain-information",
                key="given token",
                alt=captions.bits(profiled.layers, table["left_bits"]),
                layers=profiled.layers,
            )
            st.caption(captions.given_token_in_words(table))
    folded_tables(drawn)
    profile_provenance(profiled)
