"""Figures of how models are built and how large they are."""

import numpy as np
import pandas as pd
import pytest

from moe_viz.data.router_site import RouterSite
from moe_viz.figures.catalogue import total_against_active
from moe_viz.figures.shares import shares
from moe_viz.figures.topology import topology
from moe_viz.metrics.topology import topology_table
from tests.unit.figure_tables import BUILD, PARTS, SIZES


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
