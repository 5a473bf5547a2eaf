"""The Domains page through `app.py`: the recorded profile, and invented ones of many shapes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.ui.session.profile_view import PROBES, ProfileView, recorded
from moe_viz.ui.specialization import profiles
from tests.app.steps import clean
from tests.invented import make_trace
from tests.invented_profile import make_profile


def on(app, page: str, profile: ExpertProfile | None = None, monkeypatch=None):
    """A page, of an invented profile in place of the recorded one."""
    if profile is not None:
        shown = ProfileView(profile, "recorded", {domain: ["a text"] for domain in profile.domains})
        monkeypatch.setattr(profiles, "recorded", lambda _which: shown)
    app.run().switch_page(f"pages/{page}.py").run()
    clean(app)
    return app


def charts(app) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def said(app) -> str:
    return " ".join(element.value for element in [*app.caption, *app.markdown, *app.info]).replace("\\", "")


def test_the_page_opens_full_with_the_recorded_profile(app):
    on(app, "domains")
    assert len(charts(app)) == 5
    assert "456 texts of 19 domains, 89,073 tokens" in said(app)
    assert "read at 6 routers · recorded" in said(app)
    rows = charts(app)[0]["layout"]["yaxis"]["ticktext"]
    assert rows[0] == "English fiction"
    assert rows[-1] == "Chinese"


def test_the_recording_of_held_out_texts_is_a_choice(app):
    on(app, "domains").button_group(key="profile").set_value("Held-out texts").run()
    clean(app)
    assert len(charts(app)) == 5
    assert "708 texts of 19 domains, 165,896 tokens" in said(app)
    assert "had no part in its training" in said(app)
    assert "held-out documents of the training corpus" in said(app)


def test_the_table_of_specialists_is_what_is_marked(app):
    on(app, "domains")
    table = app.dataframe[0].value
    marked = recorded(PROBES).specialists.marked
    assert len(table) == marked.sum()
    assert f"Specialists: {marked.sum()} of {6 * 16 * 19:,}" in said(app)
    assert table["more than others"].is_monotonic_decreasing
    assert (table["from"] <= table["more than others"]).all()
    assert (table["q"] <= 0.05).all()


@pytest.mark.parametrize("title", ["Against the expert’s overall share", "Against the other domains"])
def test_every_cell_can_show_a_difference(app, title):
    on(app, "domains").button_group(key="cell of domains").set_value(title).run()
    clean(app)
    scale = charts(app)[0]["data"][0]
    assert scale["zmin"] == -scale["zmax"] < 0


@pytest.mark.parametrize(
    ("domains", "options"),
    [
        (1, {}),
        (2, {"experts": 8}),
        (20, {"experts": 256, "top_k": 8, "sites": 3}),
        (3, {"experts": [4, 9], "top_k": [1, 3]}),
        (2, {"top_k": 1, "dropped": 0.4}),
        (2, {"logits": False}),
    ],
)
@pytest.mark.parametrize("page", ["domains", "experts"])
def test_any_shape_of_profile_can_be_shown(app, monkeypatch, page, domains, options):
    on(app, page, make_profile(domains, **options), monkeypatch)
    assert f"{6 * domains} texts of {domains} domain" in said(app)
    assert ("There is only one domain" in said(app)) == (domains == 1 and page == "domains")


def test_one_text_a_domain_has_no_interval_and_no_test(app, monkeypatch):
    on(app, "domains", make_profile(2, documents=1), monkeypatch)
    assert "There is no interval, because a domain has only one text." in said(app)
    assert "No expert is tested: a test needs at least 5 texts of a domain" in said(app)
    assert not any("error_y" in trace for chart in charts(app) for trace in chart["data"])


@pytest.mark.parametrize("page", ["domains", "experts", "layers"])
def test_where_there_is_no_interval_no_definition_speaks_of_one(app, monkeypatch, page):
    traces = {name: [make_trace(generated=0, seed=s + 10 * n) for s in range(6)] for n, name in enumerate("ab")}
    profile = ExpertProfile.of_traces(traces | {"c": [make_trace(generated=0, seed=99)]})
    on(app, page, profile, monkeypatch)
    assert "Interval:" not in said(app)
    on(app, page, make_profile(2), monkeypatch)
    assert "Interval:" in said(app)


def test_texts_of_chance_have_no_specialist(app, monkeypatch):
    on(app, "domains", make_profile(3, documents=8), monkeypatch)
    assert "Specialists: 0 of 72" in said(app)
    assert "No expert takes enough more of a domain to be called its specialist." in said(app)


def test_names_of_domains_are_text(app, monkeypatch):
    name = '<img src=x onerror="alert(1)"> [x](javascript:1) $y$'
    traces = {name: [make_trace(generated=0, seed=s) for s in range(6)], "b": [make_trace(generated=0, seed=9)]}
    on(app, "domains", ExpertProfile.of_traces(traces), monkeypatch)
    drawn = json.dumps(charts(app))
    assert "&lt;img" in drawn
    assert "<img" not in drawn
    assert not any("<img" in element.value for element in [*app.caption, *app.markdown])


def test_the_layer_is_kept_from_page_to_page(app):
    on(app, "domains").selectbox(key="layer").set_value("L5").run()
    clean(app)
    app.switch_page("pages/experts.py").run()
    assert app.selectbox(key="layer").value == "L5"


def test_information_of_the_recorded_profile_lies_above_its_null():
    table = recorded(PROBES).information
    assert (table["low"] > table["null_largest"]).all()
    assert np.all(np.diff(table["bits"]) > 0)  # deeper layers tell more, as the recording has it
