"""The choice of the order in which experts stand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import streamlit as st

from moe_viz.data.router_site import RouterSite
from moe_viz.ui.session import state

Order = Literal["Index", "Load", "Co-activation"]

ORDERED = (
    "By load: the busiest expert comes first. By co-activation: experts that take the same tokens stand together; phi"
    " coefficients, average linkage (Sokal and Michener 1958), with neighbouring ends as similar as possible"
    " (Gruvaeus and Wainer 1972)."
)
"""What the orders mean."""


def choose_order(sites: Iterable[RouterSite]) -> Order:
    """Draw the choice, which the address keeps. There is no co-activation if each token takes one expert."""
    orders: list[Order] = ["Index", "Load"]
    if any(site.top_k > 1 for site in sites):
        orders.append("Co-activation")
    if (state.EXPERT_ORDER.get() or orders[0]) not in orders:
        state.EXPERT_ORDER.pop()
    return st.segmented_control(
        "Experts ordered by", orders, default=orders[0], required=True, key=state.EXPERT_ORDER.key, bind="query-params"
    )
