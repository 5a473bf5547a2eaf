"""The Glossary page through `app.py`."""

from __future__ import annotations

import pytest

from moe_viz.lessons.glossary import find, terms
from tests.app.steps import clean


def on(app, asked: str | None = None):
    if asked is not None:
        app.query_params["term"] = asked
    app.run().switch_page("pages/glossary.py").run()
    clean(app)
    return app


def headings(app) -> list[str]:
    return [said.value.splitlines()[0].removeprefix("#### ") for said in app.main.markdown]


def test_all_terms_are_there_in_their_order_with_all_that_is_known(app):
    on(app)
    assert headings(app) == [term.name for term in terms()]
    for said, term in zip(app.main.markdown, terms(), strict=True):
        assert all(part in said.value for part in (term.meaning, term.formula, term.source, *term.also, term.library))


def test_a_search_shows_what_it_finds(app):
    on(app)
    app.text_input(key="term").set_value("router").run()
    clean(app)
    assert headings(app) == [term.name for term in find("router")]
    assert headings(app)[0] == "router"


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "**bold**", "zzz", "$x$ :red[no]"])
def test_what_is_not_there_is_said_as_plain_text(app, hostile):
    on(app)
    app.text_input(key="term").set_value(hostile).run()
    clean(app)
    assert not headings(app)
    assert hostile in app.info[0].value.replace("\\", "")
