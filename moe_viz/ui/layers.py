"""The parts of the Layers page: one heatmap, the tokens of a clicked expert, two lines of a layer."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np
import streamlit as st

from moe_viz.figures.heatmap import Kind, clicked_cell, layers_by_experts
from moe_viz.figures.layers import effective_experts, entropies
from moe_viz.metrics.tokens import tokens_of_expert
from moe_viz.ui.chart import chart
from moe_viz.ui.link import carry
from moe_viz.ui.numbers import numbers
from moe_viz.ui.opened import cell_of_link
from moe_viz.ui.shown import Shown


@dataclass(frozen=True)
class _View:
    """One of the heatmaps: its name, its column in the table of experts, how to read it."""

    title: str
    column: str
    kind: Kind
    reading: str


_VIEWS = (
    _View(
        "Load",
        "load",
        "load",
        "Each cell is the share of its layer's assignments that the expert took; a row sums to 100 %.",
    ),
    _View(
        "Mean gating weight",
        "mean_gating_weight",
        "weight",
        "Each cell is the gating weight that the expert was given, averaged over the tokens that it took;"
        " grey took none.",
    ),
    _View(
        "Difference from uniform",
        "uniform_difference",
        "difference",
        "Each cell is the expert's load against an even spread: 0 % is its just share, +100 % twice that,"
        " −100 % never used.",
    ),
)


def heatmap(shown: Shown) -> tuple[int, int] | None:
    """Draw layers × experts. Returns the (site, expert) of the cell that was clicked, if any."""
    title = st.segmented_control(
        "Layers × experts",
        [view.title for view in _VIEWS],
        default=_VIEWS[0].title,
        required=True,
        key="heatmap view",
        bind="query-params",
    )
    view = next(view for view in _VIEWS if view.title == title)
    sites = shown.trace.sites
    of = weakref.ref(shown)  # Streamlit keeps `keep` for as long as the page is open
    if (linked := cell_of_link(shown.trace)) is not None:
        st.session_state["cell"] = (of, linked)
    selected = _selected(shown)
    carry(cell=selected)

    def keep() -> None:
        # The outline makes it another figure to Streamlit, which then forgets the selection.
        cell = clicked_cell(st.session_state["heatmap"].selection.points)
        if cell is not None:
            st.session_state["cell"] = (of, cell)

    figure = layers_by_experts(
        _matrix(shown, view.column),
        [f"L{site.layer}" for site in sites],
        kind=view.kind,
        experts_per_row=[site.num_experts for site in sites],
        selected=selected,
        hover={"tokens taken": _matrix(shown, "count")},
    )
    chart(figure, key="heatmap", on_select=keep)
    st.caption(f"{view.reading} Click a cell to see the tokens that its expert took.")
    numbers(shown, {"layers-experts": lambda: shown.experts})
    return selected


def _selected(shown: Shown) -> tuple[int, int] | None:
    """The cell that was clicked, if it was clicked in this trace's heatmap."""
    of, cell = st.session_state.get("cell", (None, None))
    return cell if of is not None and of() is shown else None


def expert_tokens(shown: Shown, site: int, expert: int) -> None:
    """The tokens that one expert took, in their context."""
    trace = shown.trace
    tokens = tokens_of_expert(trace, site, expert)
    st.subheader(f"Expert {expert} in layer {trace.sites[site].layer}: {len(tokens)} of {len(trace)} tokens")
    if tokens.empty:
        st.caption("It took no token of this text.")
        return
    st.caption(
        "In the order of the text, with what stands around each token. Rank 1: no other expert had a larger gating"
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


def layer_figures(shown: Shown) -> None:
    """How evenly each layer uses its experts, and how undecided its router is."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Effective number of experts**")
        chart(effective_experts(shown.layers), key="effective experts")
        st.caption("The filled bar is e to the entropy of the load: so many evenly used experts would be as uneven.")
    with right:
        st.markdown("**Entropy**")
        chart(entropies(shown.layers), key="entropies")
        st.caption(
            "Of the load: 1 means that all experts of the layer share the text evenly. Of the router: 1 means that"
            " it cannot tell the experts apart for a token."
        )
    numbers(shown, {"layers": lambda: shown.layers})


def _matrix(shown: Shown, column: str) -> np.ndarray:
    """One column of the table of experts as `[site expert]`, NaN where there is no such expert."""
    table = shown.experts
    matrix = np.full((len(shown.trace.sites), int(table["expert"].max()) + 1), np.nan, dtype=np.float32)
    matrix[table["site"], table["expert"]] = table[column]
    return matrix
