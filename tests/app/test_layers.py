"""The Layers page through `app.py`: of a text and of a whole profile, in every order."""

from __future__ import annotations

import numpy as np
import pytest

from moe_viz.ui.session.profile_view import recorded
from tests.app.steps import clean, look_at
from tests.app.test_domains import charts, on, said
from tests.invented import make_trace
from tests.invented_profile import make_profile

ORDERS = ["Index", "Load", "Co-activation"]
VIEWS = ["Load", "Mean gating weight", "Difference from uniform", "Largest domain difference"]


def test_before_any_text_there_is_the_profile(app):
    on(app, "layers")
    assert app.button_group(key="of").value == "A whole profile"
    assert len(charts(app)) == 6
    assert "456 texts of 19 domains, 89,073 tokens" in said(app)
    assert "Dead experts (less than a tenth of an even load): 0 of 96." in said(app)


def test_with_a_text_it_is_there_at_first_and_the_profile_a_press_away(app):
    look_at(app, make_trace())
    on(app, "layers")
    assert app.button_group(key="of").value == "This text"
    assert len(charts(app)) == 5
    assert "opened from a file" in said(app)
    app.button_group(key="of").set_value("A whole profile").run()
    clean(app)
    assert "456 texts" in said(app)


@pytest.mark.parametrize("order", ORDERS)
def test_every_view_in_every_order(app, order):
    on(app, "layers").button_group(key="order").set_value(order).run()
    for view in VIEWS:
        app.button_group(key="heatmap view").set_value(view).run()
        clean(app)
        drawn = [trace for trace in charts(app)[0]["data"] if trace.get("mode") == "markers"]
        assert len(drawn) == 1
        assert ("%{hovertext}" in drawn[0]["hovertemplate"]) == (view == VIEWS[3])


@pytest.mark.parametrize(
    ("domains", "options"),
    [
        (1, {}),
        (2, {"experts": 256, "top_k": 8, "sites": 3}),
        (3, {"experts": [4, 9], "top_k": [1, 3]}),
        (2, {"top_k": 1, "dropped": 0.4}),
    ],
)
def test_any_shape_of_profile_can_be_shown(app, monkeypatch, domains, options):
    on(app, "layers", make_profile(domains, **options), monkeypatch)
    one_choice = np.max(options.get("top_k", 2)) == 1
    assert ("Co-activation" in app.button_group(key="order").options) != one_choice
    app.button_group(key="order").set_value("Load" if one_choice else "Co-activation").run()
    clean(app)
    assert ("In L0 each token takes one expert" in said(app)) == (options.get("top_k") == [1, 3])
    assert ("Largest domain difference" in app.button_group(key="heatmap view").options) == (domains > 1)


def test_a_text_in_the_order_of_its_own_co_activation(app):
    look_at(app, make_trace(experts=[4, 9], top_k=[1, 3], tokens=60))
    on(app, "layers").button_group(key="order").set_value("Co-activation").run()
    clean(app)
    assert "Experts that take the same tokens stand together." in said(app)


def test_a_profile_says_of_its_layers_what_its_recording_holds():
    table = recorded().layer_table
    counts = recorded().profile.counts().sum(axis=0)
    np.testing.assert_array_equal(table["assignments"], counts.sum(axis=-1))
    np.testing.assert_allclose(table["max_violation"], counts.max(axis=-1) / counts.mean(axis=-1) - 1)
