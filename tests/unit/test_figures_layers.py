"""Figures with layers along an axis show the numbers they were given."""

import numpy as np

from moe_viz.figures import layers, training
from moe_viz.metrics.tables import layer_table
from tests.unit.figure_tables import LAYERS, LOSSES, OVER_TRAINING, PROFILE


def test_bars_show_effective_experts_within_those_there_are():
    table = LAYERS
    existing, effective = layers.effective_expert_bars(table).data
    assert existing.y.tolist() == [4, 16, 8]
    assert effective.y.tolist() == table["effective_experts"].tolist()
    np.testing.assert_allclose(
        effective.customdata, table[["num_experts", "unused_experts", "max_violation"]].to_numpy()
    )


def test_lines_show_both_entropies_and_leave_out_an_unknown_one():
    table = LAYERS
    lines = layers.entropies(table).data
    assert [line.y.tolist() for line in lines] == [
        table["load_entropy_normalized"].tolist(),
        table["router_entropy_normalized"].tolist(),
    ]
    assert len({(line.line.dash, line.marker.symbol) for line in lines}) == 2
    assert len(layers.entropies(layer_table(PROFILE)).data) == 1


def test_training_has_a_line_a_layer_on_an_axis_that_other_recordings_share():
    figure = training.lines_by_layer(OVER_TRAINING, "bits", [0, 4, 9], "bits", (0, 1))
    assert [(list(line.x), list(line.y)) for line in figure.data] == [
        (["0", "4"], [0.1, 0.3]),
        (["0", "4"], [0.2, 0.4]),
    ]
    assert len({(line.line.color, line.marker.symbol) for line in figure.data}) == 2
    assert list(figure.layout.xaxis.categoryarray) == ["0", "4", "9"]
    assert list(figure.layout.yaxis.range) == [0, 1]


def test_training_has_a_line_a_domain_and_their_mean():
    *domains, mean = training.lines_by_domain(LOSSES, "loss", [0, 4], "nats", (0, 9)).data
    assert [(line.name, list(line.y)) for line in domains] == [("a", [9, 4]), ("b", [7, 2])]
    assert list(mean.y) == [8, 3]
