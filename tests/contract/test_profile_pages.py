"""Layers, Domains, Experts and Flow: every figure of a made-up corpus against the table under it."""

from __future__ import annotations

import numpy as np
import pytest

from moe_viz.ui.session.profile_view import ProfileView
from moe_viz.ui.session.trace_view import TraceView
from moe_viz.ui.specialization import domains, experts, flow, layers, specialists
from tests.contract.contract import holds
from tests.contract.made_up import one_text, profile
from tests.contract.recording import draw_page

BY_LAYER = ("effective experts", "entropies", "unevenness", "repetition")


@pytest.fixture(scope="module")
def view():
    return ProfileView(profile(), "measured", {})


def busiest(view, site: int) -> list[int]:
    """The experts of a router, the busiest first."""
    return np.argsort(-np.nan_to_num(view.overall[site])).tolist()


@pytest.mark.parametrize("cell", ["Load", "Mean gating weight", "Difference from uniform", "Largest domain difference"])
def test_layers_of_a_profile(monkeypatch, view, cell):
    page = draw_page(monkeypatch, lambda: layers.of_a_profile(view), {"heatmap view": cell})
    holds(page, "heatmap", *BY_LAYER, "information")


@pytest.mark.parametrize("order", ["Load", "Co-activation"])
def test_layers_of_a_profile_in_another_order(monkeypatch, view, order):
    holds(
        draw_page(monkeypatch, lambda: layers.of_a_profile(view), {"order": order}), "heatmap", *BY_LAYER, "information"
    )


@pytest.mark.parametrize("cell", [None, (1, 7)])
def test_layers_of_a_text(monkeypatch, cell):
    monkeypatch.setattr(layers, "cell_of_link", lambda trace: cell)
    monkeypatch.setattr(layers, "carry", lambda **kept: None)
    page = draw_page(monkeypatch, lambda: layers.of_a_text(TraceView(one_text(), "measured", None)))
    holds(page, "heatmap", *BY_LAYER)


@pytest.mark.parametrize(
    "cell", ["Share of the domain’s tokens", "Against the expert’s overall share", "Against the other domains"]
)
@pytest.mark.parametrize("layer", ["L1", "L5"])
def test_domains(monkeypatch, view, cell, layer):
    monkeypatch.setattr(domains, "looked_at", lambda: view)
    page = draw_page(monkeypatch, domains.heatmaps, {"cell of domains": cell, "layer": layer})
    holds(page, "domains large", "domains small")


def test_information_and_specialists(monkeypatch, view):
    page = draw_page(monkeypatch, lambda: (domains.draw_information(view), specialists.draw_specialists(view)))
    holds(page, "information", "given token", "halves")


@pytest.mark.parametrize("site", [0, 1, 2])
def test_experts(monkeypatch, view, site):
    expert = busiest(view, site)[1]

    def part():
        experts.draw_summary(view, site, expert)
        experts.share_and_load(view, site, expert)
        experts.tokens_and_alike(view, site, expert)
        experts.draw_partners(view, site, expert)

    holds(draw_page(monkeypatch, part), "share by domain", "loads")


SHARE, LIFT = "Share of its tokens", "Against chance"


@pytest.mark.parametrize(("site", "count", "value"), [(0, 1, SHARE), (1, 1, LIFT), (1, 3, SHARE), (2, 2, LIFT)])
def test_flow(monkeypatch, view, site, count, value):
    chosen = busiest(view, site)[:count]
    page = draw_page(
        monkeypatch, lambda: flow.draw_layer(view, site, chosen), {"cell of pairs": value, "order": "Load"}
    )
    holds(page, *(["pairs"] if site else []), "flow")
    page = holds(draw_page(monkeypatch, lambda: flow.draw_paths(view, site, chosen)), "paths")
    assert len(page.handed_out["paths"])
