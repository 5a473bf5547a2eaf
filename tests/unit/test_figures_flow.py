"""The figures of co-activation, flow and order: each thing stands where it belongs, as wide as it is strong."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from moe_viz.figures.coactivation import coactivation_heatmap
from moe_viz.figures.flow import neighbours
from moe_viz.figures.heatmap import clicked_cell, layers_by_experts
from moe_viz.figures.layers import repetition_lines
from moe_viz.figures.paths import path_diagram
from moe_viz.figures.ribbons import Ribbon, add_ribbons
from moe_viz.metrics.coactivation import coactivation_table
from moe_viz.metrics.flow import by_strength, even_share, links, paths
from moe_viz.profiles.expert_profile import ExpertProfile
from tests.invented import make_trace

PROFILE = ExpertProfile.of_traces({"a": [make_trace(experts=12, top_k=3, tokens=900, sites=4, generated=0)]})


def test_experts_in_another_order_keep_their_values_marks_and_hover():
    matrix = np.array([[0.1, 0.2, 0.7], [0.5, 0.3, np.nan]])
    order = np.array([[2, 0, 1], [1, 0, 2]])
    marked = np.array([[False, False, True], [True, False, False]])
    notes = np.array([["a", "b", "c"], ["d", "e", None]], dtype=object)
    figure = layers_by_experts(
        matrix, ["x", "y"], kind="load", order=order, marked=marked, notes=notes, selected=(0, 1), hover={"n": matrix}
    )
    cells, targets, dots, numbers = figure.data
    np.testing.assert_allclose(cells.z, [[0.7, 0.1, 0.2], [0.3, 0.5, np.nan]])
    for x, y, values, note in zip(targets.x, targets.y, targets.customdata, targets.hovertext, strict=True):
        expert = int(values[-1])
        assert order[y, x] == expert
        assert values[0] == np.float32(matrix[y, expert])
        assert note == notes[y, expert]
        assert clicked_cell([{"x": x, "y": y}], order) == (y, expert)
    assert {(int(y), int(order[y, x])) for x, y in zip(dots.x, dots.y, strict=True)} == {(0, 2), (1, 0)}
    assert numbers.text.tolist() == ["2", "0", "1", "1", "0"]
    assert {(s.x0, s.y0) for s in figure.layout.shapes} == {(1.5, -0.5)}


def test_numbers_stand_on_cells_only_where_there_is_room():
    many = np.ones((2, 64))
    assert len(layers_by_experts(many, ["x", "y"], kind="load", order=np.tile(np.arange(64), (2, 1))).data) == 2


@pytest.mark.parametrize("value", ["share", "lift"])
def test_a_pair_stands_in_the_row_of_its_expert_whatever_the_order(value):
    table = coactivation_table(PROFILE, 1)
    order = np.random.default_rng(0).permutation(12)
    cells, *targets = coactivation_heatmap(table, order, value, 4).data
    assert np.isnan(np.diagonal(cells.z)).all()
    wanted = table.set_index(["expert", "other"])[value]
    for row, expert in enumerate(order):
        for column, other in enumerate(order):
            if expert != other:
                shown = wanted[expert, other] if value == "share" else np.log2(wanted[expert, other])
                assert cells.z[row, column] == pytest.approx(shown, rel=1e-5)
    for trace in targets:
        assert (order[trace.y] == trace.customdata[:, 0]).all()
        assert (order[trace.x] == trace.customdata[:, 1]).all()
    frame = coactivation_heatmap(table, order, value, 4).layout.shapes[0]
    assert order[round((frame.y0 + frame.y1) / 2)] == 4


def test_chance_is_the_middle_of_the_scale_and_a_pair_that_never_was_its_end():
    table = pd.DataFrame({"expert": [0, 1], "other": [1, 0], "share": 0.0, "tokens": 0, "lift": [0.0, np.nan]})
    cells, known, unknown = coactivation_heatmap(table, np.arange(2), "lift").data
    assert cells.zmin == -cells.zmax
    assert cells.z[0, 1] < cells.zmin
    assert np.isnan(cells.z[1, 0])
    assert "beyond" in cells.colorbar.title.text
    assert "× chance" in known.hovertemplate
    assert "too few" in unknown.hovertemplate


def test_a_ribbon_is_as_wide_as_it_was_asked_at_both_ends():
    figure = go.Figure()
    add_ribbons(figure, [Ribbon(0, 1, (10, 30), 4), Ribbon(2, 3, (0, 0), 1)], colour="#000000", name="x")
    [drawn] = figure.data
    first = drawn.y[: np.flatnonzero(np.isnan(drawn.y))[0]].tolist()
    half = len(first) // 2
    assert (first[0], first[-1]) == (8, 12)
    assert (first[half - 1], first[half]) == (28, 32)
    assert np.isnan(drawn.x).sum() == 2


@pytest.mark.parametrize(("site", "experts"), [(1, [4]), (0, [2, 7]), (3, [0, 1, 2])])
def test_named_experts_are_labelled_with_share_and_lift_and_can_be_clicked(site, experts):
    table = links(PROFILE, site, experts)
    strengths = {
        d: by_strength(of, even_share(PROFILE, of["site"].iloc[0])) for d, of in table.groupby("direction", sort=False)
    }
    figure = neighbours(table, strengths, {"before": "L0", "here": "L1", "after": "L2"}, lift=1.5)
    said = [note.text for note in figure.layout.annotations]
    clicks = [tuple(row[:2]) for trace in figure.data if trace.customdata is not None for row in trace.customdata]
    for direction, strength in strengths.items():
        sign = -1 if direction == "before" else 1
        named = strength[strength["named"]]
        for row in named.itertuples():
            assert any(text.startswith(f"<b>{row.other}</b>  {row.share:.0%}  {row.lift:.1f} ×") for text in said)
            assert (sign, row.other) in clicks
        rest = strength[~strength["named"]]
        assert f"{len(rest)} others: {rest['share'].sum():.1f}" in said
    assert len(clicks) == sum(s["named"].sum() for s in strengths.values())
    blocks = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert len(blocks) == len(experts)
    tops = sorted((block.y0, block.y1) for block in blocks)
    assert all(a[1] < b[0] for a, b in pairwise(tops))


def test_ribbons_of_one_side_do_not_cross():
    table = links(PROFILE, 1, [4])
    strengths = {d: by_strength(of, 0.0) for d, of in table.groupby("direction", sort=False)}
    figure = neighbours(table, strengths, {}, lift=1.5)
    ends = []
    for trace in figure.data:
        if trace.fill != "toself":
            continue
        x, y = np.array(trace.x, dtype=float), np.array(trace.y, dtype=float)
        for part in np.split(np.arange(len(x)), np.flatnonzero(np.isnan(x))):
            across, down = x[part][~np.isnan(x[part])], y[part][~np.isnan(x[part])]
            if len(across) and across.min() == 0:  # the router before
                ends.append((down[across == 0].mean(), down[across == across.max()].mean()))
    assert len(ends) >= 10
    outer, inner = np.array(sorted(ends)).T
    assert (np.diff(inner) > 0).all()
    assert (np.diff(outer) > 0).all()


def test_every_expert_of_a_path_has_a_place_and_every_layer_a_name():
    table = pd.DataFrame(
        [("before", 1, 2, 6, 1, 3, 0.5, 2.0), ("before", 2, 1, 3, 0, 9, 0.4, 3.0), ("after", 1, 2, 6, 3, 9, 0.5, 2.0)],
        columns=["direction", "steps", "near_site", "near", "far_site", "far", "share", "lift"],
    )
    figure = path_diagram(table, 2, [6, 7], ["L0", "L1", "L2", "L3"])
    *_ribbons, discs, names = figure.data
    assert {tuple(place) for place in discs.customdata} == {(2, 6), (2, 7), (1, 3), (0, 9), (3, 9)}
    assert [site for site, _none in names.customdata] == [0, 1, 2, 3]
    assert list(names.text) == ["L0", "L1", "L2", "L3"]
    alone = path_diagram(paths(PROFILE, 1, [4]).iloc[:0], 1, [4], ["L0", "L1"])
    assert [list(place) for place in alone.data[0].customdata] == [[1, 4]]


def test_one_choice_a_token_has_one_line_of_repetition():
    table = pd.DataFrame(
        {"layer": [0, 1], "first": [0.2, 0.3], "either": [0.2, 0.3], "first_chance_at_load": 0.1, "either_chance": 0.1}
    )
    assert [trace.name for trace in repetition_lines(table).data] == [
        "same first choice",
        "same first choice, by chance",
    ]
    assert len(repetition_lines(table.assign(either=0.5)).data) == 4
