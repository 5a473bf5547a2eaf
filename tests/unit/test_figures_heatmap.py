"""The heatmap of layers by experts shows the numbers it was given, readable at any size."""

import re

import numpy as np
import pytest

from moe_viz.figures import theme
from moe_viz.figures.heatmap import clicked_cell, layers_by_experts
from moe_viz.metrics import load as of
from tests.unit.figure_tables import COUNTS, GATES, LABELS


def test_heatmap_holds_the_matrix_as_small_floats_with_gaps_where_it_is_missing():
    matrix = of.load(COUNTS)
    cells = layers_by_experts(matrix, LABELS, kind="load").data[0]
    assert cells.z.dtype == np.float32
    np.testing.assert_array_equal(cells.z, matrix.astype(np.float32))
    assert np.isnan(cells.z).sum() == 12 + 8


def test_there_is_one_invisible_target_on_each_expert():
    matrix = of.mean_gating_weight(COUNTS, GATES)
    assert np.isnan(matrix).sum() > 20  # some experts exist, but took no token
    figure = layers_by_experts(matrix, LABELS, kind="weight", experts_per_row=[4, 16, 8], hover={"tokens": COUNTS})
    targets = figure.data[1]
    assert list(zip(targets.y.tolist(), targets.x.tolist(), strict=True)) == [
        (row, expert) for row, experts in enumerate([4, 16, 8]) for expert in range(experts)
    ]
    assert targets.marker.opacity == targets.selected.marker.opacity == targets.unselected.marker.opacity == 0
    for y, x, text, values in zip(targets.y, targets.x, targets.text, targets.customdata, strict=True):
        assert text == LABELS[y]
        np.testing.assert_array_equal(values, np.array([matrix[y, x], COUNTS[y, x]], dtype=np.float32))
    assert "tokens: %{customdata[1]" in targets.hovertemplate


@pytest.mark.parametrize(("shape", "kind"), [((16, 64), "scatter"), ((61, 256), "scattergl")])
def test_many_targets_are_drawn_at_once_and_few_do_without_a_start_of_webgl(shape, kind):
    targets = layers_by_experts(np.ones(shape), ["L"] * shape[0], kind="load").data[1]
    assert (targets.type, len(targets.x)) == (kind, shape[0] * shape[1])


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
