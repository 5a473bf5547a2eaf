"""The figures of the lessons as data."""

import numpy as np
import pandas as pd
import pytest

from moe_viz.figures.domains import information_lines
from moe_viz.figures.lessons import lines, named_bars, weights_by_rule

KINDS = pd.DataFrame({"name": ["Chess", "Law"], "share": [0.8, 0.3], "low": [0.7, 0.2], "high": [0.85, 0.5]})


def test_a_bar_a_name_the_first_on_top_and_the_chosen_ones_with_their_number():
    figure = named_bars(KINDS, "share", {1}, "share", ".0%", interval=True)
    (bars,) = figure.data
    assert list(bars.x) == [0.8, 0.3]
    assert list(figure.layout.yaxis.ticktext) == ["Chess", "Law"]
    assert figure.layout.yaxis.range == (1.5, -0.5)
    assert list(bars.text) == ["", "<b>30%</b>"]
    assert list(bars.error_x.array) == pytest.approx([0.05, 0.2])
    assert list(bars.error_x.arrayminus) == pytest.approx([0.1, 0.1])


def test_a_line_across_the_bars_says_what_it_is():
    figure = named_bars(KINDS, "share", (), "share", ".0%", line=(0.125, "even share"))
    assert figure.layout.shapes[0].x0 == 0.125
    assert figure.layout.annotations[0].text == "even share"


def test_only_experts_that_some_rule_takes_have_a_column():
    table = pd.DataFrame({"expert": range(6), "a": [0, 0.75, 0, 0, 0.25, 0], "b": [0, 0, 0, 0, 1.0, 0]})
    cells = weights_by_rule(table, ["a", "b"], "expert").data[0]
    assert list(cells.x) == ["1", "4"]
    assert np.array_equal(cells.z, [[0.75, 0.25], [np.nan, 1.0]], equal_nan=True)
    assert [list(row) for row in cells.text] == [[".75", ".25"], ["", "1.00"]]


def test_what_is_no_measurement_is_dashed():
    table = pd.DataFrame({"n": [1, 2], "measured": [1, 2], "formula": [1, 2]})
    figure = lines(table, ["measured", "formula"], "n", "experts", dashed="formula")
    assert [trace.line.dash for trace in figure.data] == ["solid", "dash"]


def test_a_guess_is_a_line_of_its_own():
    table = pd.DataFrame({"bits": [0.5], "low": [0.4], "high": [0.6], "null_largest": [0.1]})
    guessed = information_lines(table, ["L0"], interval=True, guess=(1.5, "your guess"))
    assert guessed.layout.shapes[0].y0 == 1.5
    assert guessed.layout.annotations[0].text == "your guess"
    assert not information_lines(table, ["L0"], interval=True).layout.shapes
