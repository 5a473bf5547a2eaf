"""The Experts page through `app.py`: one expert of a profile, and the ways to others."""

from __future__ import annotations

import pytest

import moe_viz
from moe_viz.probes import probe_texts
from moe_viz.ui.session import state
from moe_viz.ui.session.profile_view import PROBES, recorded
from moe_viz.ui.specialization.contexts import CHARACTERS, TEXTS
from tests.app.steps import clean
from tests.app.test_domains import charts, on, said
from tests.invented_profile import make_profile


def test_an_expert_is_shown_with_its_domains_tokens_and_partners(app):
    on(app, "experts").selectbox(key="layer").set_value("L5").run()
    app.selectbox(key="expert").set_value(13).run()
    clean(app)
    profile = recorded(PROBES).profile
    taken = int(profile.counts()[:, 5, 13].sum())
    assert app.metric[0].value == f"{taken:,}"
    assert charts(app)[0]["layout"]["yaxis"]["ticktext"][0] == "German"
    assert "·und" in app.dataframe[0].value["token"].tolist()
    assert (app.dataframe[0].value["met"] >= 10).all()
    assert "At the router before (L4)" in said(app)
    assert "At the router after" not in said(app)


def test_the_expert_that_was_asked_for_is_shown_though_the_page_forgot_its_widgets(app):
    """As where the run that goes to the page is cut short before it draws them."""
    on(app, "experts").selectbox(key="layer").set_value("L1").run()
    app.session_state[state.ASKED_EXPERT.key] = ("L4", 6)
    app.run()
    clean(app)
    assert (app.selectbox(key="layer").value, app.selectbox(key="expert").value) == ("L4", 6)
    app.selectbox(key="layer").set_value("L2").run()
    assert app.selectbox(key="layer").value == "L2"  # asked for once


@pytest.mark.parametrize("view", ["predicted", "next"])
def test_tokens_are_told_by_what_is_expected_and_what_comes(app, view):
    on(app, "experts").button_group(key="token view").set_value(view).run()
    clean(app)
    assert len(app.dataframe[0].value)


def fold_out(app, key: str) -> None:
    app.session_state[key] = True
    app.run()
    clean(app)


def test_contexts_are_read_from_the_texts_of_its_best_domain(app):
    on(app, "experts").selectbox(key="layer").set_value("L5").run()
    app.selectbox(key="expert").set_value(13).run()
    fold_out(app, "contexts")
    table = next(frame.value for frame in app.dataframe if "before" in frame.value)
    with moe_viz.load() as model:
        traces = [model.trace(text[:CHARACTERS]) for text in probe_texts()["german"][:TEXTS]]
    taken = sum(int((trace.expert_ids[5] == 13).sum()) for trace in traces)
    assert abs(len(table) - taken) <= 1  # a near tie may fall otherwise where texts are read together
    assert f"{len(table):,} of the {sum(map(len, traces)):,} tokens of {TEXTS} texts" in said(app)


def test_where_the_texts_are_not_here_there_are_no_contexts(app):
    on(app, "experts").button_group(key="profile").set_value("Held-out texts").run()
    fold_out(app, "contexts")
    assert "this profile holds only counts, and its texts are not here" in said(app)
    assert not any("before" in frame.value for frame in app.dataframe)


def test_contexts_of_another_model_than_the_one_in_use_are_not_shown(app, monkeypatch):
    on(app, "experts", make_profile(), monkeypatch)
    fold_out(app, "contexts")
    assert "This profile is of another model than the one in use" in said(app)


def test_an_expert_that_another_layer_lacks_gives_way_to_the_first(app, monkeypatch):
    on(app, "experts", make_profile(experts=[4, 9], top_k=[1, 3]), monkeypatch)
    app.selectbox(key="layer").set_value("L1").run()
    app.selectbox(key="expert").set_value(8).run()
    clean(app)
    app.selectbox(key="layer").set_value("L0").run()
    clean(app)
    assert app.selectbox(key="expert").value == 0


def test_the_page_says_when_no_token_is_met_often_enough(app, monkeypatch):
    on(app, "experts", make_profile(1, documents=1), monkeypatch)
    assert "It took none of the tokens that occur at least 10 times." in said(app)
    assert "There is no interval, because a domain has only one text." in said(app)
