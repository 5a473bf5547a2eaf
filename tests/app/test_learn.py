"""The Learn page through `app.py`, lesson by lesson."""

from __future__ import annotations

import json
from math import comb

import pytest

from moe_viz.lessons.designs import DESIGNS, known_designs, with_design
from moe_viz.lessons.hash_routing import agreement, common_tokens
from moe_viz.lessons.sizes import known_sizes
from moe_viz.lessons.specialise import most_own
from moe_viz.lessons.texts import lessons
from moe_viz.probes import TITLES
from moe_viz.ui.session.profile_view import recorded
from moe_viz.ui.widgets.words import large_text
from tests.app.test_pages import clean


def on(app, name):
    app.session_state["lesson"] = name
    app.run().switch_page("pages/learn.py").run()
    clean(app)
    return app


def said(app) -> str:
    return "\n".join(element.value for kind in (app.main.markdown, app.main.caption) for element in kind)


def charts(app) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


@pytest.mark.parametrize("name", list(lessons()))
def test_a_lesson_begins_with_its_question_and_has_something_to_do(app, name):
    on(app, name)
    assert lessons()[name].question in [header.value for header in app.header]
    assert "{" not in said(app)
    assert "nan" not in said(app).split()
    assert len(app.button_group) > 1 or app.slider  # beside the chooser


@pytest.mark.parametrize("name", list(lessons()))
def test_every_answer_of_a_check_is_explained(app, name):
    on(app, name)
    check = lessons()[name].check
    for index, answer in enumerate(check.answers):
        app.radio(key=f"check {name}").set_value(answer).run()
        clean(app)
        shown = app.success if index == check.right else app.info
        assert check.reasons[index] in shown[-1].value
        assert bool(app.success) == (index == check.right)


def test_the_router_lesson_follows_its_controls(app):
    on(app, "router")
    app.button_group(key="router_k").set_value(8).run()
    clean(app)
    assert "The router chooses the 8 largest" in said(app)
    assert "was not trained for" in said(app)
    app.slider(key="router_bias").set_value(0.0).run()
    assert "too small" in said(app)
    app.slider(key="router_bias").set_value(1.0).run()
    assert "is chosen" in said(app)


def guess(app, kind: str):
    """The lesson on specialists, after a guess."""
    on(app, "specialise")
    profiled = recorded()
    app.selectbox(key="guess kind").set_value(profiled.profile.domains.index(kind)).run()
    app.button(key="specialise_show").click().run()
    clean(app)
    return most_own(profiled.specialists)


def test_nothing_is_told_before_a_guess(app):
    on(app, "specialise")
    assert app.button(key="specialise_show").disabled
    assert not charts(app)


def test_a_guess_is_compared_with_what_was_measured(app):
    owned = guess(app, "law")
    place = next(i for i, own in enumerate(owned) if recorded().profile.domains[own.domain] == "law")
    assert f"You guessed Law.** Its strongest specialist, expert {owned[place].expert} of layer" in said(app)
    assert f"rank {place + 1} of 19" in said(app)
    bars, bits, left, _ = charts(app)
    assert bars["layout"]["yaxis"]["ticktext"] == [recorded().names[own.domain] for own in owned]
    assert bits["layout"]["shapes"][0]["y0"] == app.slider(key="guess bits").value
    assert len(left["data"]) == 2
    found, halves, table = recorded().specialists, recorded().halves, recorded().information
    assert f"{found.marked.sum()} pairs pass" in said(app)
    assert f"gives {halves.found.sum()} pairs, and the other half confirms {halves.confirmed.sum()} of them" in said(
        app
    )
    assert f"with **{table['bits'].max():.2f} bits**" in said(app)
    assert f"no layer tells more than {table['null_largest'].max():.2f}" in said(app)
    left = table["left_bits"]
    assert f"only **{left.min():.2f}** are left" in said(app)
    assert f"In layer {left.argmax()}, **{left.max():.2f} bits** are left" in said(app)


def test_a_right_guess_is_called_right_and_any_kinds_story_can_be_told(app):
    first = recorded().profile.domains[most_own(recorded().specialists)[0].domain]
    guess(app, first)
    assert "Your guess is right" in said(app)
    for kind in ("math_latex", "chess"):
        app.selectbox(key="specialise_story").set_value(kind).run()
        clean(app)
        assert f"of {TITLES[kind]}. If you call it" in said(app)


@pytest.mark.parametrize("design", list(DESIGNS))
def test_every_design_is_shown_with_a_model_that_has_it_and_one_beside_it(app, design):
    on(app, "designs")
    app.button_group(key="design").set_value(design).run()
    clean(app)
    assert "{" not in said(app)
    having = with_design(design)
    shown = app.selectbox(key=f"design_{design}").value
    assert shown in having
    table = app.table[0].value
    assert list(table.columns) == [shown, "Mixtral 8x7B"]
    built = known_designs()[shown]
    assert table.loc["weights per token, B", shown] == f"{built.active / 1e9:,.1f}"
    assert table.loc["layers without a router", shown] == str(len(built.dense))
    of_catalogue = [name for name in having if name in known_sizes()]
    assert (
        f"in the catalogue that have it: {len(of_catalogue)} of 18 ({', '.join(of_catalogue)})." in said(app)
        or not of_catalogue
    )
    assert having[0] in said(app)


@pytest.mark.parametrize(
    ("design", "sentence"),
    [
        ("shared", f"{58 * 3 * 7168 * 2048 / 1e9:.1f} B in shared experts, 7% of the 37.6 B"),
        ("fine", f"An expert of **DeepSeek-V3** has {3 * 2048 / (8 * 7168):.0%} of the weights"),
        ("first", "the layers 0–2 of 61 have no router"),
        ("some", "In **Jamba v0.1**, 16 of 32 layers have no router"),
        ("nothing", f"{12 * 512 / 768:.0f} of the 12 would compute"),
        ("hash", "in 3 of its 43 layers"),
    ],
)
def test_what_a_design_changes_is_said_in_numbers(app, design, sentence):
    on(app, "designs")
    app.button_group(key="design").set_value(design).run()
    assert sentence in said(app)
    agree = agreement(recorded().profile)
    if design == "first":
        assert f"agree with {agree[0]:.0%} of the first choices of its layer 0" in said(app)
    if design == "hash":
        assert f"{agree.max():.0%} of the first choices" in said(app)
        assert f"and with {agree.min():.0%} in layer {agree.argmin()}" in said(app)


def test_cutting_experts_changes_the_sets_and_not_the_weights(app):
    on(app, "designs")
    app.button_group(key="design_cut").set_value(8).run()
    clean(app)
    assert (
        "64 experts, 16 per token.** Mixtral 8x7B keeps its 46.7 B of weights, and a token still uses 12.9 B"
        in said(app)
    )
    assert f"among **{large_text(comb(64, 16))}** sets" in said(app)


def test_a_token_is_looked_up(app):
    on(app, "designs")
    app.button_group(key="design").set_value("hash").run()
    app.button_group(key="hash_layer").set_value(0).run()
    clean(app)
    profile = recorded().profile
    token = app.button_group(key="hash_token").value
    assert token in common_tokens(profile)
    assert f"{token} mod 16 = **{token % 16}**" in said(app)
    assert f"All its {profile.occurrences[0][token]:,} occurrences" in said(app)
    assert "In layer 0 of the bundled model" in said(app)
