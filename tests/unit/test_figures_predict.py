"""The figures that answer a question hold its numbers and mark what decides."""

import numpy as np
import pandas as pd
import pytest

from moe_viz.figures import theme
from moe_viz.figures.predict import bars, first_choices, gating_weights
from moe_viz.quiz.asking import KINDS
from moe_viz.ui.learn.predict.evidence import evidence_figure
from tests.unit.test_quiz import one_question, texts_of


@pytest.mark.parametrize("count", [3, 61])
def test_one_bar_is_marked_and_every_bar_has_its_place(count):
    table = pd.DataFrame({"layer": [f"{i + 1}" for i in range(count)], "held": np.linspace(0.1, 0.9, count)})
    figure = bars(table, "layer", "held", 2, "layer", ".0%", line=0.25)
    (bar,) = figure.data
    assert [i for i, colour in enumerate(bar.marker.color) if colour == theme.ACCENT] == [2]
    assert bar.text[2] == f"{bar.y[2]:.0%}"
    assert len(figure.layout.xaxis.tickvals) == len(figure.layout.xaxis.ticktext) <= 32
    assert all(figure.layout.xaxis.ticktext[i] == f"{at + 1}" for i, at in enumerate(figure.layout.xaxis.tickvals))
    assert figure.layout.shapes[0].y0 == 0.25


def test_weights_have_a_column_an_expert_and_none_where_nothing_was_given():
    table = pd.DataFrame({"expert": [3, 40, 63], "A": [0.7, 0.0, 0.3], "B": [0.0, 1.0, 0.0]})
    figure = gating_weights(table, ["A", "B"], "expert")
    assert figure.layout.xaxis.ticktext == ("3", "40", "63")
    assert np.array_equal(np.isnan(figure.data[0].z), table[["A", "B"]].to_numpy().T == 0)
    assert figure.data[0].texttemplate
    many = pd.DataFrame({"expert": range(40), "A": 1.0, "B": 1.0})
    assert gating_weights(many, ["A", "B"], "expert").data[0].texttemplate is None


def test_columns_of_the_same_expert_are_filled_and_no_expert_is_the_same_as_none():
    table = pd.DataFrame({"layer": ["0", "1", "2"], "first": [5, 2, -1], "second": [5, 3, -1]})
    figure = first_choices(table, ("one", "two"), "layer")
    assert figure.data[0].z.tolist() == [[1, 0, 0], [1, 0, 0]]
    assert figure.data[0].text.tolist() == [["5", "2", "–"], ["5", "3", "–"]]


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_figure_of_a_question_holds_its_evidence(kind):
    texts = texts_of("as bundled")
    question = one_question(kind, *(text.trace for text in texts), seed=2)
    figure = evidence_figure(question.evidence, question)
    drawn = np.concatenate([np.ravel(trace.z if trace.type == "heatmap" else trace.y) for trace in figure.data])
    column = {
        "same_expert": "gating_weight",
        "how_many": "tokens",
        "least_sure": "share",
        "layer_apart": "distance",
        "same_token": "same",
        "share_held": "held",
        "hidden_text": "load",
    }[kind]
    expected = question.evidence[column].to_numpy(float)
    assert np.isclose(drawn[None, :], expected[:, None], atol=1e-6).any(axis=1).all()
