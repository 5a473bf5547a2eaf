"""Figures as data: they show the numbers they were given, in the theme's colours and no others."""

import ast
import itertools
import re
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from moe_viz.figures import layers, theme, training
from moe_viz.figures.catalogue import total_against_active
from moe_viz.figures.heatmap import clicked_cell, layers_by_experts
from moe_viz.figures.shares import shares
from moe_viz.figures.template import TEMPLATE
from moe_viz.figures.topology import topology
from moe_viz.metrics import load as of
from moe_viz.metrics.tables import layer_table
from moe_viz.metrics.topology import topology_table
from moe_viz.trace import RouterSite, Scoring
from tests.invented import make_trace
from tests.unit.colours import SIGHTS, contrast, distance

ROOT = Path(__file__).parents[2]
COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl)a?\([^)]*\)")
PAGES = {"light": "#ffffff", "dark": "#101318"}

TRACE = make_trace(experts=[4, 16, 8], top_k=[1, 2, 2], tokens=40)
COUNTS = of.expert_counts(TRACE)
OVER_TRAINING = pd.DataFrame(
    {"updates": [0, 0, 4, 4], "tokens": [0, 0, 400, 400], "layer": [0, 1, 0, 1], "bits": [0.1, 0.2, 0.3, 0.4]}
)
LOSSES = pd.DataFrame(
    {"updates": [0, 0, 4, 4], "tokens": [0, 0, 400, 400], "domain": ["a", "b"] * 2, "loss": [9.0, 7, 4, 2]}
)
LABELS = ["layer 0", "layer 1", "layer 2"]
GROUPED = Scoring("sigmoid", normalized=True, groups=4, groups_kept=2)
BUILD = topology_table(
    [
        RouterSite("encoder.block.1.mlp", 1, 8, 2, "encoder", shared_experts=1),
        RouterSite("decoder.block.0.mlp", 0, 8, 3, scoring=GROUPED),
        RouterSite("decoder.block.2.mlp", 2, 12, 2, zero_experts=4),
    ],
    [False, True, False],
    [("encoder.block", 2), ("decoder.block", 3)],
)
PARTS = pd.DataFrame(
    {"part": ["routed experts", "attention"], "weights": [80, 20], "always": [0, 20], "chosen": [10, 0]}
)
SIZES = pd.DataFrame(
    {
        "name": ["sparse", "dense", "twin"],
        "organisation": "nobody",
        "released": "2024-01",
        "total": [4e10, 2e10, 4.1e10],
        "active": [4e9, 2e10, 4e9],
        "routed": [True, False, True],
    }
)


def colours_of(value):
    if isinstance(value, dict):
        return set().union(*map(colours_of, value.values()))
    if isinstance(value, list | tuple):
        return set().union(*map(colours_of, value))
    return set(COLOUR.findall(value)) if isinstance(value, str) else set()


def every_figure() -> list[go.Figure]:
    table = layer_table(TRACE)
    return [
        layers_by_experts(of.load(COUNTS), LABELS, kind="load", selected=(1, 2)),
        layers_by_experts(of.mean_gating_weight(COUNTS, of.gate_sums(TRACE)), LABELS, kind="weight"),
        layers_by_experts(of.uniform_difference(COUNTS), LABELS, kind="difference", limit=0.5),
        layers.effective_experts(table),
        layers.entropies(table),
        training.by_layer(OVER_TRAINING, "bits", [0, 4, 9], "bits", (0, 1)),
        training.by_domain(LOSSES, [0, 4, 9], "nats", (0, 9)),
        topology(BUILD),
        shares(PARTS, ["all", "experts", "attention"]),
        total_against_active(SIZES, {"sparse"}),
    ]


def test_heatmap_holds_the_matrix_as_small_floats_with_gaps_where_it_is_missing():
    matrix = of.load(COUNTS)
    cells = layers_by_experts(matrix, LABELS, kind="load").data[0]
    assert cells.z.dtype == np.float32
    np.testing.assert_array_equal(cells.z, matrix.astype(np.float32))
    assert np.isnan(cells.z).sum() == 12 + 8


def test_there_is_one_invisible_target_on_each_expert():
    matrix = of.mean_gating_weight(COUNTS, of.gate_sums(TRACE))
    assert np.isnan(matrix).sum() > 20  # some experts exist, but took no token
    figure = layers_by_experts(matrix, LABELS, kind="weight", experts_per_row=[4, 16, 8], hover={"tokens": COUNTS})
    targets = figure.data[1]
    assert list(zip(targets.y.tolist(), targets.x.tolist(), strict=True)) == [
        (row, expert) for row, experts in enumerate([4, 16, 8]) for expert in range(experts)
    ]
    assert targets.type == "scattergl"
    assert targets.marker.opacity == targets.selected.marker.opacity == targets.unselected.marker.opacity == 0
    for y, x, text, values in zip(targets.y, targets.x, targets.text, targets.customdata, strict=True):
        assert text == LABELS[y]
        np.testing.assert_array_equal(values, np.array([matrix[y, x], COUNTS[y, x]], dtype=np.float32))
    assert "tokens: %{customdata[1]" in targets.hovertemplate


def test_without_a_count_of_experts_a_gap_is_no_target():
    targets = layers_by_experts(of.load(COUNTS), LABELS, kind="load").data[1]
    assert len(targets.x) == 4 + 16 + 8


def test_the_first_layer_is_on_top_and_every_cell_in_view():
    layout = layers_by_experts(of.load(COUNTS), LABELS, kind="load").layout
    assert layout.yaxis.range == (2.5, -0.5)
    assert layout.xaxis.range == (-0.5, 15.5)
    assert layout.yaxis.ticktext == tuple(LABELS)


def test_scale_of_differences_is_centred_on_an_even_load():
    cells = layers_by_experts(of.uniform_difference(COUNTS), LABELS, kind="difference").data[0]
    largest = np.nanmax(np.abs(of.uniform_difference(COUNTS)))
    assert cells.zmax == pytest.approx(largest)
    assert cells.zmin == -cells.zmax
    middle = cells.colorscale[len(cells.colorscale) // 2]
    assert middle == (0.5, "#f7f7f7")


def test_a_limit_ends_the_scale_and_the_scale_says_so_where_values_pass_it():
    def scale(limit):
        return layers_by_experts(np.array([[0.2, 0.8]]), ["layer 0"], kind="load", limit=limit).data[0]

    assert (scale(0.5).zmin, scale(0.5).zmax) == (0, 0.5)
    assert "beyond" in scale(0.5).colorbar.title.text
    assert scale(1.0).zmax == 1
    assert "beyond" not in scale(1.0).colorbar.title.text
    assert layers_by_experts(np.full((1, 2), np.nan), ["layer 0"], kind="weight").data[0].zmax == 1


def test_the_selected_cell_is_outlined_in_dark_and_light():
    shapes = layers_by_experts(of.load(COUNTS), LABELS, kind="load", selected=(1, 2)).layout.shapes
    assert {(s.x0, s.x1, s.y0, s.y1) for s in shapes} == {(1.5, 2.5, 0.5, 1.5)}
    assert [s.line.color for s in shapes] == [theme.INK, theme.PAPER]
    assert shapes[0].line.width > shapes[1].line.width
    assert not layers_by_experts(of.load(COUNTS), LABELS, kind="load").layout.shapes


def test_a_click_names_its_cell():
    assert clicked_cell([{"curve_number": 1, "x": 7, "y": 2, "customdata": {"0": 0.1}}]) == (2, 7)
    assert clicked_cell([]) is None


@pytest.mark.parametrize(("rows", "experts"), [(1, 2), (2, 4), (16, 64), (61, 256), (64, 256)])
def test_heights_and_ticks_stay_readable(rows, experts):
    figure = layers_by_experts(np.ones((rows, experts)), [f"layer {r}" for r in range(rows)], kind="load")
    assert 100 <= figure.layout.height <= 800
    assert len(figure.layout.yaxis.ticktext) <= 32
    assert experts / figure.layout.xaxis.dtick <= 32
    shown = dict(zip(figure.layout.yaxis.tickvals, figure.layout.yaxis.ticktext, strict=True))
    assert all(label == f"layer {row}" for row, label in shown.items())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"matrix": np.ones(3), "row_labels": ["a"]}, "shape (3,)"),
        ({"matrix": np.ones((2, 3)), "row_labels": ["a"]}, "1 row labels for 2 rows"),
        ({"matrix": np.ones((1, 3)), "row_labels": ["a"], "experts_per_row": [3, 3]}, "2 entries for 1 rows"),
        (
            {"matrix": np.ones((1, 3)), "row_labels": ["a"], "hover": {"n": np.ones((1, 2))}},
            "'n' has shape (1, 2)",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        layers_by_experts(**arguments, kind="load")


def test_bars_show_effective_experts_within_those_there_are():
    table = layer_table(TRACE)
    existing, effective = layers.effective_experts(table).data
    assert existing.y.tolist() == [4, 16, 8]
    assert effective.y.tolist() == table["effective_experts"].tolist()
    np.testing.assert_allclose(
        effective.customdata, table[["num_experts", "unused_experts", "max_violation"]].to_numpy()
    )


def test_lines_show_both_entropies_and_leave_out_an_unknown_one():
    table = layer_table(TRACE)
    lines = layers.entropies(table).data
    assert [line.y.tolist() for line in lines] == [
        table["load_entropy_normalized"].tolist(),
        table["router_entropy_normalized"].tolist(),
    ]
    assert len({(line.line.dash, line.marker.symbol) for line in lines}) == 2
    assert len(layers.entropies(layer_table(make_trace(logits=False))).data) == 1


def test_training_has_a_line_a_layer_on_an_axis_that_other_recordings_share():
    figure = training.by_layer(OVER_TRAINING, "bits", [0, 4, 9], "bits", (0, 1))
    assert [(list(line.x), list(line.y)) for line in figure.data] == [
        (["0", "4"], [0.1, 0.3]),
        (["0", "4"], [0.2, 0.4]),
    ]
    assert len({(line.line.color, line.marker.symbol) for line in figure.data}) == 2
    assert list(figure.layout.xaxis.categoryarray) == ["0", "4", "9"]
    assert list(figure.layout.yaxis.range) == [0, 1]


def test_training_has_a_line_a_domain_and_their_mean():
    *domains, mean = training.by_domain(LOSSES, [0, 4], "nats", (0, 9)).data
    assert [(line.name, list(line.y)) for line in domains] == [("a", [9, 4]), ("b", [7, 2])]
    assert list(mean.y) == [8, 3]


def marks(figure, kind):
    """What there is to see of a kind of trace, without what is there for the legend."""
    return [trace for trace in figure.data if trace.type == kind and (trace.y is not None or trace.type == "heatmap")]


def test_a_router_has_a_cell_an_expert_and_as_many_filled_as_a_token_uses():
    (cells,) = marks(topology(BUILD), "heatmap")
    rows = [row[~np.isnan(row)].tolist() for row in cells.z]
    # A row above each stack for its name; a layer without a router has no cells.
    assert rows == [[], [], [1] * 2 + [0] * 6, [], [1] * 3 + [0] * 5, [], [1] * 2 + [0] * 6]


def test_a_layer_without_a_router_is_a_line_and_a_shared_expert_a_block_left_of_the_others():
    lines, shared, nothing = marks(topology(BUILD), "bar")
    assert list(lines.y) == [1, 5]
    assert list(lines.x) == [12, 12]
    assert lines.width < 0.5 < shared.width
    assert list(shared.y) == [2]
    assert shared.base[0] + shared.x[0] < -0.5
    assert (nothing.y.tolist(), nothing.base.tolist(), nothing.x.tolist()) == ([6], [7.5], [4])
    assert nothing.marker.pattern.shape


def test_groups_are_parted_and_every_row_can_be_read():
    figure = topology(BUILD)
    (borders,) = [trace for trace in marks(figure, "scatter") if trace.mode == "lines"]
    assert [x for x in borders.x if x is not None] == [1.5, 1.5, 3.5, 3.5, 5.5, 5.5]
    read = figure.data[-1]
    assert read.y.tolist() == [1, 2, 4, 5, 6]
    assert read.customdata[:, 2].tolist() == BUILD["words"].tolist()
    assert [note.text for note in figure.layout.annotations] == ["<b>encoder</b>", "<b>decoder</b>"]


@pytest.mark.parametrize(("layer_count", "experts"), [(1, 2), (6, 16), (61, 256), (126, 0)])
def test_small_and_large_models_stay_readable(layer_count, experts):
    sites = [RouterSite(f"m.{layer}.mlp", layer, experts, 1) for layer in range(layer_count)] if experts else []
    layout = topology(topology_table(sites, [False] * len(sites), [("m", layer_count)])).layout
    assert 100 <= layout.height <= 800
    assert len(layout.yaxis.ticktext) <= 16
    assert len(layout.xaxis.tickvals) <= 8
    assert layout.yaxis.range == (layer_count - 0.5, -0.5)


def test_shares_of_all_weights_add_up_part_by_part():
    figure = shares(PARTS, ["all", "experts", "attention"])
    bars = {bar.name: bar.x.tolist() for bar in figure.data}
    assert bars == {"every token": [0.2, 0, 0.2], "one token": [0.1, 0.1, 0], "idle": [0.7, 0.7, 0]}
    assert figure.layout.yaxis.ticktext == ("all", "experts", "attention")


def test_a_dense_model_leaves_nothing_idle():
    dense = PARTS.assign(always=PARTS["weights"], chosen=0)
    assert [bar.name for bar in shares(dense, ["all", "experts", "attention"]).data] == ["every token"]


def test_models_stand_by_size_and_labels_leave_each_other_room():
    figure = total_against_active(SIZES, {"twin"})
    points = figure.data[-1]
    names = points.customdata[:, 0].tolist()
    assert dict(zip(names, zip(points.x, points.y, strict=True), strict=True)) == {
        row["name"]: (row["total"], row["active"]) for row in SIZES.to_dict("records")
    }
    assert points.marker.symbol[names.index("dense")] == "square"
    assert points.text[names.index("twin")] == "twin"
    assert max(points.marker.size) == points.marker.size[names.index("twin")]
    close = pd.concat([SIZES.assign(name=f"model {i}", total=SIZES["total"] * (1 + i / 99)) for i in range(9)])
    labelled = [text for text in total_against_active(close, {"model 4"}).data[-1].text if text]
    assert "model 4" in labelled
    assert len(labelled) < len(close) / 2


def test_along_a_slanted_line_a_token_uses_the_same_share():
    lines = [trace for trace in total_against_active(SIZES, ()).data if trace.mode == "lines"]
    assert lines
    for line in lines:
        first, last = np.array(line.y) / np.array(line.x)
        assert first == pytest.approx(last)
    assert max(line.y[0] / line.x[0] for line in lines) == pytest.approx(1)


def test_figures_use_the_themes_colours_alone():
    allowed = colours_of([value for name, value in vars(theme).items() if name.isupper() or name.startswith("_")])
    for figure in every_figure():
        used = colours_of(figure.to_dict())
        assert used
        assert used <= allowed | colours_of(TEMPLATE.to_plotly_json())


def test_no_other_file_of_figures_or_pages_names_a_colour():
    files = [p for folder in ("moe_viz/figures", "moe_viz/ui", "pages") for p in (ROOT / folder).glob("*.py")]
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
