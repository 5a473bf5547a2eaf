"""All figures use the theme's colours, and these can be told apart."""

import ast
import itertools
import re
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

from moe_viz.figures import layers, theme, training
from moe_viz.figures.catalogue import total_against_active
from moe_viz.figures.heatmap import layers_by_experts
from moe_viz.figures.shares import shares
from moe_viz.figures.template import TEMPLATE
from moe_viz.figures.topology import topology
from moe_viz.metrics import load as of
from tests.unit.colours import SIGHTS, contrast, distance
from tests.unit.figure_tables import BUILD, COUNTS, GATES, LABELS, LAYERS, LOSSES, OVER_TRAINING, PARTS, SIZES

ROOT = Path(__file__).parents[2]
COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl)a?\([^)]*\)")
PAGES = {"light": "#ffffff", "dark": "#101318"}


def colours_of(value):
    if isinstance(value, dict):
        return set().union(*map(colours_of, value.values()))
    if isinstance(value, list | tuple):
        return set().union(*map(colours_of, value))
    return set(COLOUR.findall(value)) if isinstance(value, str) else set()


def every_figure() -> list[go.Figure]:
    table = LAYERS
    return [
        layers_by_experts(of.load(COUNTS), LABELS, kind="load", selected=(1, 2)),
        layers_by_experts(of.mean_gating_weight(COUNTS, GATES), LABELS, kind="weight"),
        layers_by_experts(of.uniform_difference(COUNTS), LABELS, kind="difference", limit=0.5),
        layers.effective_expert_bars(table),
        layers.entropies(table),
        training.lines_by_layer(OVER_TRAINING, "bits", [0, 4, 9], "bits", (0, 1)),
        training.lines_by_domain(LOSSES, "loss", [0, 4, 9], "nats", (0, 9)),
        topology(BUILD),
        shares(PARTS, ["all", "experts", "attention"]),
        total_against_active(SIZES, {"sparse"}),
    ]


def test_figures_use_the_themes_colours_alone():
    allowed = colours_of([value for name, value in vars(theme).items() if name.isupper() or name.startswith("_")])
    for figure in every_figure():
        used = colours_of(figure.to_dict())
        assert used
        assert used <= allowed | colours_of(TEMPLATE.to_plotly_json())


def test_no_other_file_of_figures_or_pages_names_a_colour():
    files = [p for folder in ("moe_viz/figures", "moe_viz/ui", "pages") for p in (ROOT / folder).rglob("*.py")]
    assert ROOT / "moe_viz/figures/theme.py" in files
    naming = {
        path.name
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and COLOUR.search(node.value)
    }
    assert naming == {"theme.py"}


@pytest.mark.parametrize(
    ("sight", "least"),
    [("normal", 0.085), ("protanopia", 0.066), ("deuteranopia", 0.066), ("tritanopia", 0.053)],
)
def test_palette_keeps_the_distances_it_states(sight, least):
    assert set(SIGHTS) == {"normal", "protanopia", "deuteranopia", "tritanopia"}
    assert len(set(theme.PALETTE)) == 16
    assert min(distance(a, b, sight) for a, b in itertools.combinations(theme.PALETTE, 2)) >= least


def test_ink_and_series_can_be_seen():
    assert min(contrast(theme.INK, colour) for colour in (*theme.PALETTE, theme.NEUTRAL)) >= 5
    for page in PAGES.values():
        assert min(contrast(colour, page) for colour in (theme.ACCENT, theme.SECOND)) >= 3.5
        assert min(contrast(colour, page) for colour in theme.SERIES) >= 3
        assert contrast(theme.TEXT, page) >= 4


def test_scales_run_evenly_from_end_to_end():
    for scale in (theme.SEQUENTIAL, theme.DIVERGING):
        assert [position for position, _ in scale] == pytest.approx(np.linspace(0, 1, len(scale)))
    lightness = [contrast(colour, "#000000") for _, colour in theme.SEQUENTIAL]
    assert lightness == sorted(lightness)
    arms = [contrast(colour, "#000000") for _, colour in theme.DIVERGING]
    assert arms[:6] == sorted(arms[:6])
    assert arms[5:] == sorted(arms[5:], reverse=True)
