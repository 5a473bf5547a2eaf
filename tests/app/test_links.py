"""Opening a link, without a browser: what is restored, what is refused with a sentence, what no link carries."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import pytest

from moe_viz.lessons.texts import lessons
from moe_viz.settings import settings
from moe_viz.ui.session import state
from moe_viz.ui.session.opened_link import stored_texts
from tests.app.steps import button, clean, look_at, show_routing, shown
from tests.app.test_pages import FILES, OF_A_TEXT, ROOT, components
from tests.invented import make_trace

TEXT = "def f(x):\n    return <b>x</b> & 春眠\0"
NOT_CARRIED = {
    "text": "the link carries it, as it was last read",
    "lesson": "the page itself keeps its name in the address",
    "server": "what the server does is no view",
    "picture format": "how a file is saved is no view",
    "predict source": "texts of one's own",
    "measure": "a way to bring texts of one's own",
    "way to bring": "a way to bring texts of one's own",
}
ANSWERS = ("check ", "myth ", "guess ")
"""A person's own answers are for that person."""
FORMS_WITHOUT_A_VIEW = {"bring", "load"}
ACTIONS = {"button", "download_button", "file_uploader", "menu_button", "plotly_chart", "bidi_component", "dataframe"}
"""A row or a cell that is selected leads elsewhere, and the link carries where."""


def controls(app) -> dict[str, bool]:
    """Every control of the page by its key, and whether the address keeps it."""
    found = {}

    def walk(node):
        proto = getattr(node, "proto", None)
        if getattr(proto, "form_id", "") in FORMS_WITHOUT_A_VIEW:
            return
        key = getattr(node, "key", None)
        widget = node.type == "expander" or not hasattr(node, "children")
        if key and widget and node.type not in ACTIONS:
            found[key] = bool(getattr(proto, "query_param_key", ""))
        for child in getattr(node, "children", {}).values():
            walk(child)

    walk(app._tree)
    return found


def opened(app, page="pages/routing.py", **parameters):
    """The page as the link opens it in a new session."""
    for name, value in parameters.items():
        app.query_params[name] = str(value)
    app.switch_page(page).run()
    clean(app)
    return app


def notice(app) -> str:
    return " ".join(info.value for info in app.info).replace("\\", "")


@pytest.mark.parametrize("page", [*OF_A_TEXT, *(page for page in FILES if page not in {*OF_A_TEXT, "pages/learn.py"})])
def test_the_address_keeps_every_control_of_a_page(app, page):
    if page in OF_A_TEXT:
        look_at(app, make_trace())
    app.run().switch_page(page).run()
    clean(app)
    left_out = {key for key, kept in controls(app).items() if not kept}
    assert left_out <= NOT_CARRIED.keys()


@pytest.mark.parametrize("name", list(lessons()))
def test_the_address_keeps_every_control_of_a_lesson(app, name):
    opened(app, "pages/learn.py", lesson=name)
    left_out = {key for key, kept in controls(app).items() if not kept and not key.startswith((*ANSWERS, "batch of "))}
    assert left_out <= NOT_CARRIED.keys()


@pytest.mark.parametrize("page", OF_A_TEXT)
def test_a_text_in_the_address_is_read_once(app, page):
    opened(app, page, text=TEXT, model="demo")
    first = shown(app)
    assert first.trace.text == TEXT
    assert app.text_area(key="text").value == TEXT
    assert not app.info
    app.run()
    assert shown(app) is first


def test_the_map_begins_where_the_link_says(app):
    opened(app, text="one two three four", map_layer=2, map_token=3, map_colour="entropy", map_expert=7)
    assert shown(app).initial == (2, 3, "entropy", 7)
    app.text_area(key="text").input("another text")
    show_routing(app).click().run()
    assert shown(app).initial == (None, 0, "0", None)
    assert "text" not in app.query_params


def test_a_stored_text_is_found_and_a_stale_name_gets_a_sentence(app):
    long = "a b c " * 200
    opened(app, stored=stored_texts.keep(long))
    assert app.text_area(key="text").value == long
    assert shown(app).trace.text == long
    assert not app.info


@pytest.mark.parametrize("name", ["A" * 22, "../../etc/passwd", ""])
def test_a_name_that_is_not_there_gets_a_sentence(app, name):
    opened(app, stored=name)
    assert "not on this server" in notice(app) or "its own values for: stored" in notice(app)
    assert shown(app) is None
    app.button(key="close link").click().run()
    assert not app.info


def test_what_does_not_fit_is_named_and_the_rest_is_kept(app):
    opened(app, text="one two", map_layer=99, map_token=1, map_colour="9", map_expert=-3, new=1)
    assert "its own values for: map expert, map layer, map colour." in notice(app)
    assert shown(app).initial == (None, 1, "0", None)
    app.run()  # it stays until it is closed
    assert "map layer" in notice(app)
    app.button(key="example Chess").click().run()
    assert not app.info


@pytest.mark.parametrize(
    ("page", "parameters"),
    [
        ("pages/experts.py", {"layer": "L99", "expert": "-1", "token view": "<b>"}),
        ("pages/domains.py", {"layer": "\0", "cell of domains": "[x](javascript:alert(1))"}),
        ("pages/training.py", {"after": "1e999", "run": "no", "measure": "", "watched text": "none"}),
        ("pages/learn.py", {"lesson": "router", "router_k": "99", "router_layer": "-1", "router_bias": "nan"}),
        ("pages/models.py", {"look": "no such model", "beside": "x" * 3000}),
    ],
)
def test_settings_that_a_page_cannot_have_are_named(app, page, parameters):
    opened(app, page, **parameters)
    said = notice(app)
    for name in parameters.keys() - {"lesson"}:
        assert name.replace("_", " ") in said


def test_a_default_that_is_written_out_is_no_complaint(app):
    opened(app, "pages/learn.py", lesson="router", router_k=2, router_layer=5)
    assert not app.info
    assert app.button_group(key="router_layer").value == 5


@pytest.mark.parametrize("text", ["  \n", "x" * 300_000])
def test_a_text_that_cannot_be_read_gets_its_sentence(app, text):
    opened(app, text=text)
    assert app.error
    assert shown(app) is None
    assert app.text_area(key="text").value == text


def test_another_model_is_named_and_never_loaded_unasked(app):
    opened(app, text="hello", model="no-such/<b>model</b>", dtype="bfloat16")
    assert "made with no-such/<b>model</b> (bfloat16); you see demo." in notice(app)
    assert shown(app).trace.provenance.model == "demo"
    assert state.LOADING_MODEL.key not in app.session_state
    button(app, "Load it").click().run()
    clean(app)
    assert (
        app.session_state[state.LOADING_MODEL.key]
        or "no-such/<b>model</b>" in app.session_state[state.LOADING_FAILURE.key]
    )


def test_where_models_are_not_free_to_choose_there_is_no_button(app, monkeypatch):
    monkeypatch.setattr("moe_viz.ui.session.model_in_use.any_may_load", lambda: False)
    opened(app, text="hello", model="some/model")
    assert "made with some/model" in notice(app)
    assert f"This server shows {settings().model}" in notice(app)
    assert not any(one.label == "Load it" for one in app.button)


def test_the_cell_of_a_link_lists_its_tokens_and_stays(app):
    opened(app, "pages/layers.py", text="one two three", cell="2-5")
    assert any("Expert 5 in layer 2" in title.value for title in app.subheader)
    app.run()
    assert any("Expert 5 in layer 2" in title.value for title in app.subheader)


def test_the_text_of_a_lesson_is_restored(app):
    opened(app, "pages/learn.py", lesson="capacity", capacity_kind="Chess", text="e4 e5")
    assert app.text_area(key="batch of chess").value == "e4 e5"


def test_the_presenter_view_is_kept_in_the_address(app):
    opened(app, "pages/learn.py", present=1)
    assert "moe_viz_presenter" in components(app)
    assert not app.info
    app.switch_page("pages/models.py").run()
    clean(app)
    assert "moe_viz_presenter" in components(app)
    assert app.query_params["present"] == "1"


def test_the_presenter_view_is_entered_by_its_button(app):
    opened(app, "pages/models.py")
    assert "moe_viz_presenter" not in components(app)
    app.button(key="presenter view").click().run()
    clean(app)
    assert "moe_viz_presenter" in components(app)
    assert app.query_params["present"] == "1"


@pytest.mark.parametrize("written", ["true", "2", "<b>"])
def test_any_other_value_is_no_presenter_view(app, written):
    opened(app, "pages/models.py", present=written)
    assert "moe_viz_presenter" not in components(app)
    assert "its own values for: present." in notice(app)


def test_names_that_no_page_has_flood_nothing(app):
    opened(app, "pages/models.py", **{f"\u202e<b>{n}" + "x" * 500: "" for n in range(50)})
    said = app.info[0].value
    assert notice(app).count("<b>") == 8
    assert len(notice(app)) < 500
    assert "\u202e" not in said


def test_a_text_that_no_part_of_the_first_page_reads_is_forgotten(app):
    opened(app, "pages/models.py", text="never read")
    app.switch_page("pages/routing.py").run()
    clean(app)
    assert shown(app) is None


LESSON_PLAN = re.findall(r"\]\(http://127\.0\.0\.1:8501/(\w+)\??(\S*)\)", (ROOT / "README.md").read_text("utf-8"))


@pytest.mark.parametrize(("page", "query"), LESSON_PLAN)
def test_a_link_of_the_lesson_plan_opens_as_it_says(app, page, query):
    asked = dict(parse_qsl(query, strict_parsing=True)) if query else {}
    opened(app, f"pages/{page}.py", **asked)
    assert not app.info
    if "text" in asked:
        assert shown(app).trace.text == asked["text"]
    if "lesson" in asked:
        assert lessons()[asked["lesson"]].question in [header.value for header in app.header]
