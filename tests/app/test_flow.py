"""The Flow page through `app.py`: the recorded profile, and invented ones of many shapes."""

from __future__ import annotations

import numpy as np
import pytest

from moe_viz.ui.session.profile_view import recorded
from tests.app.steps import button, clean
from tests.app.test_domains import charts, on, said
from tests.invented_profile import make_profile


def test_the_page_opens_full_with_the_recorded_profile(app):
    on(app, "flow")
    assert len(charts(app)) == 3
    assert "456 texts of 19 domains, 89,073 tokens" in said(app)
    assert "L3: co-activation" in said(app)
    assert "of a token’s 2 experts in L2 and" in said(app)


def test_what_is_said_of_the_strongest_link_is_what_was_counted(app):
    on(app, "flow").selectbox(key="expert").set_value(6).run()
    clean(app)
    profile = recorded().profile
    shares = profile.transitions[3, 6, :16] / profile.counts()[:, 3, 6].sum()
    labels = [note["text"] for note in charts(app)[1]["layout"]["annotations"]]
    best = int(shares.argmax())
    assert any(label.startswith(f"<b>{best}</b>  {shares[best]:.0%}") for label in labels)


def test_experts_stand_in_every_order_and_against_chance(app):
    on(app, "flow").button_group(key="cell of pairs").set_value("Against chance").run()
    clean(app)
    scale = charts(app)[0]["data"][0]
    assert scale["zmin"] == -scale["zmax"]
    rows = {}
    for order in ("Index", "Load", "Co-activation"):
        app.button_group(key="order").set_value(order).run()
        clean(app)
        rows[order] = [int(label) for label in charts(app)[0]["layout"]["yaxis"]["ticktext"]]
        assert sorted(rows[order]) == list(range(16))
    assert rows["Index"] == list(range(16))
    assert rows["Load"] == np.argsort(-recorded().overall[3]).tolist()
    assert rows["Co-activation"] == recorded().coactivation_order[3].tolist()


def test_several_experts_flow_together(app):
    on(app, "flow").multiselect(key="with").set_value([4, 7]).run()
    clean(app)
    assert "L3, experts 0, 4, 7: where the tokens come from and go to" in said(app)
    app.selectbox(key="expert").set_value(4).run()
    clean(app)
    assert app.multiselect(key="with").value == [7]


def test_a_way_leads_to_the_experts_page(app):
    on(app, "flow").selectbox(key="expert").set_value(5).run()
    button(app, "See expert 5").click().run()
    clean(app)
    assert "An atlas of experts" in said(app)
    assert (app.selectbox(key="layer").value, app.selectbox(key="expert").value) == ("L3", 5)


@pytest.mark.parametrize(
    ("domains", "options"),
    [
        (1, {"sites": 1}),
        (2, {"experts": 256, "top_k": 8, "sites": 4}),
        (3, {"experts": [4, 9], "top_k": [1, 3]}),
        (2, {"top_k": 1, "dropped": 0.4}),
        (2, {"experts": 64, "tokens": 3, "documents": 1}),
    ],
)
def test_any_shape_of_profile_can_be_shown(app, monkeypatch, domains, options):
    on(app, "flow", make_profile(domains, **options), monkeypatch)
    assert ("there is none before or after it" in said(app)) == (options.get("sites") == 1)
    for layer in app.selectbox(key="layer").options:
        app.selectbox(key="layer").set_value(layer).run()
        clean(app)
        one = np.max(options.get("top_k", 2)) == 1 or (options.get("top_k") == [1, 3] and layer == "L0")
        assert ("top-1): there is no co-activation" in said(app)) == one


def test_an_expert_without_a_token_says_so(app, monkeypatch):
    profile = make_profile(1, documents=1, tokens=2, experts=64)
    on(app, "flow", profile, monkeypatch)
    idle = int(np.flatnonzero(profile.counts()[0, 1] == 0)[0])
    app.selectbox(key="expert").set_value(idle).run()
    clean(app)
    assert "This expert took no token." in said(app)
