"""Figures with one number per layer: load, entropy, unevenness, repetition, domain information."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from moe_viz.figures import captions
from moe_viz.figures.domains import information_lines
from moe_viz.figures.layers import effective_expert_bars, entropies, repetition_lines, unevenness
from moe_viz.metrics.domains import DRAWS
from moe_viz.ui.session.profile_view import ProfileView
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.definition import heading
from moe_viz.ui.widgets.numbers import Tables


def draw_by_layer(layers: pd.DataFrame, repeats: pd.DataFrame, size: str) -> Tables:
    """How evenly each layer uses its experts, how undecided its router is, how often neighbouring tokens share experts.

    `layers` is a `layer_table`, `repeats` a `repetition_table`; `size` says of how much text they are.
    Returns the tables that are drawn.
    """
    n = f"n: {size}."
    left, right = st.columns(2, gap="large")
    with left:
        heading(
            "Effective number of experts",
            "e^H, H = −Σ p ln p of the load",
            f"Dead: less than a tenth of an even load. {n}",
            term="effective experts",
        )
        drawn = chart(effective_expert_bars, layers, name="layers", key="effective experts")
        st.caption(captions.effective_experts_in_words(layers))
    with right:
        known = bool(layers["router_entropy_normalized"].notna().any())
        heading(
            "Entropy",
            "−Σ p ln p / ln(experts)",
            f"Of the load{', and of the router’s scores divided by their sum, mean over tokens' if known else ''}. {n}",
            term="entropy",
        )
        drawn |= chart(entropies, layers, name="layers", key="entropies")
        st.caption(
            "Of the load: 1 means that all experts of the layer share the text evenly."
            + (" Of the router: 1 means that it cannot tell the experts apart for a token." if known else "")
        )
    left, right = st.columns(2, gap="large")
    with left:
        heading(
            "Unevenness of the load",
            "MaxVio = (largest load − mean) / mean; CV = standard deviation / mean; Gini = Σᵢⱼ|xᵢ − xⱼ| / (2 n Σ x)",
            f"MaxVio: arXiv 2408.15664. CV: population deviation. {n}",
            term="MaxVio",
        )
        drawn |= chart(unevenness, layers, name="layers", key="unevenness")
        st.caption(
            "Three measures that are 0 when all experts of the layer take the same. MaxVio 1: the busiest"
            " expert takes twice its share."
        )
    with right:
        heading(
            "Repetition",
            "N(neighbouring tokens with the same expert) / N(neighbouring tokens)",
            "Mixtral (arXiv 2401.04088, table 5). Chance of the same first choice: Σ load² of first choices, as uneven"
            " load repeats by itself. Chance to share any expert: 1 − C(E − k, k) / C(E, k), of an even load.",
            f"Neighbours of one text, both with an expert. {n}",
            term="repetition",
        )
        drawn |= chart(repetition_lines, repeats, name="repetition", key="repetition")
        st.caption("How often a token goes to the same expert as the token before it. The dotted lines are chance.")
    return drawn


def draw_domain_information(profiled: ProfileView) -> Tables:
    """What the experts tell about the domain. Returns the table that is drawn."""
    heading(
        "What the expert tells about the domain",
        "I(domain; expert) = Σ p(d, e) log₂ p(d, e) / (p(d) p(e))",
        "Every domain weighs the same, and every choice of a token counts."
        + (
            " Interval: basic bootstrap over the documents of each domain (Davison and Hinkley 1997, equation"
            " 5.6), 95 %."
            if profiled.interval
            else ""
        ),
        f"Null: the documents’ domain labels shuffled. {DRAWS} draws of each. n: {profiled.size}.",
        term="domain information",
    )
    with st.spinner("Resampling documents"):
        table = profiled.information
    drawn = chart(
        information_lines,
        table,
        name="domain-information",
        key="information",
        alt=captions.bits(profiled.layers, table["bits"]),
        layers=profiled.layers,
        interval=profiled.interval,
    )
    per_choice = [router.num_experts / router.top_k for router in profiled.profile.sites]
    st.caption(captions.information_in_words(per_choice, len(profiled.names), interval=profiled.interval))
    return drawn
