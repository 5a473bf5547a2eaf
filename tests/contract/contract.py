"""The contract: for every kind of figure, what is drawn where, of which columns."""

from __future__ import annotations

from moe_viz.figures import atlas, catalogue, coactivation, domains, flow, heatmap, layers, lessons, paths, training
from moe_viz.figures import shares as shares_figure
from moe_viz.figures import topology as topology_figure
from moe_viz.ui.learn.predict import evidence
from tests.contract import of_flow, of_layers, of_lessons, of_models, of_profiles
from tests.contract.recording import Page

CONTRACT = {
    heatmap.heatmap: of_profiles.heatmap,
    domains.one_layer: of_profiles.one_layer,
    domains.all_layers: of_profiles.all_layers,
    domains.information_lines: of_layers.information,
    domains.given_token_lines: of_layers.given_token,
    domains.halves: of_layers.halves,
    layers.effective_expert_bars: of_layers.effective_experts,
    layers.entropies: of_layers.entropies,
    layers.unevenness: of_layers.unevenness,
    layers.repetition_lines: of_layers.repetition,
    atlas.share_by_domain: of_layers.share_by_domain,
    atlas.load_bars: of_layers.loads,
    coactivation.coactivation_heatmap: of_flow.coactivation,
    flow.neighbours: of_flow.neighbours,
    paths.path_diagram: of_flow.paths,
    training.lines_by_layer: of_lessons.by_layer,
    training.lines_by_domain: of_lessons.by_domain,
    topology_figure.topology: of_models.topology,
    shares_figure.shares: of_models.shares,
    catalogue.total_against_active: of_models.total_against_active,
    lessons.vectors: of_lessons.vectors,
    lessons.expert_bars: of_lessons.expert_bars,
    lessons.named_bars: of_lessons.named_bars,
    lessons.weights_by_rule: of_lessons.weights_by_rule,
    lessons.stacked: of_lessons.stacked,
    lessons.lines: of_lessons.series,
    evidence.evidence_figure: of_lessons.evidence_figure,
}


def holds(page: Page, *keys: str) -> Page:
    """Every figure of the page keeps its contract and hands out its own table; and these are all there are."""
    assert sorted(drawn.key for drawn in page.figures) == sorted(keys)
    for drawn in page.figures:
        assert drawn.figure_of in CONTRACT, f"no contract says what {drawn.figure_of.__name__} draws"
        assert any(rows is drawn.table for rows in page.handed_out.values()), f"{drawn.key} hands out no table"
        CONTRACT[drawn.figure_of](drawn)
    return page
