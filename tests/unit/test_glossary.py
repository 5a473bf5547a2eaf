"""The glossary: complete, in order, and every place that it names exists."""

import ast
import re
from importlib import import_module
from pathlib import Path
from string import Formatter

import pytest

from moe_viz.lessons.glossary import _file, find, terms
from moe_viz.lessons.texts import lessons
from moe_viz.ui.page_registry import PAGES
from tests.unit.imports import brought_in

ROOT = Path(__file__).parents[2]
NAMES = {name.casefold() for term in terms() for name in term.names}
ASKED_FOR = (
    *("router logits", "gating weight", "score", "selection bias", "top-k", "slot", "load", "expert", "shared expert"),
    *("capacity", "co-activation", "router saturation", "domain information", "effective experts", "MaxVio", "margin"),
    *("auxiliary loss", "z-loss", "entropy", "hash routing", "fine-grained experts", "prefill", "specialist"),
)


def test_terms_stand_in_the_order_of_the_alphabet_each_once():
    names = [term.name.casefold() for term in terms()]
    assert names == sorted(names)
    everything = [name.casefold() for term in terms() for name in term.names]
    assert len(everything) == len(set(everything))


@pytest.mark.parametrize("name", ASKED_FOR)
def test_the_words_of_the_field_are_there(name):
    assert name.casefold() in NAMES


@pytest.mark.parametrize("term", terms(), ids=lambda term: term.name)
def test_a_term_is_explained_shortly_and_shown_somewhere(term):
    assert term.meaning.endswith(".")
    assert len(re.findall(r"[.:?!](?:\s|$)", term.meaning)) <= 4
    assert len(term.meaning) <= 260
    assert term.see or term.library
    for place in term.see:
        page, _, lesson = place.partition("/")
        assert (ROOT / "pages" / f"{page}.py").exists()
        assert lesson in lessons() if page == "learn" else page in {entry.name for entry in PAGES}
    if term.library:
        module, _, name = term.library.rpartition(".")
        assert hasattr(import_module(module), name)


def test_every_definition_on_a_page_leads_to_its_term():
    calls = [
        (path.name, call)
        for path in (ROOT / "moe_viz" / "ui").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "heading"
    ]
    assert len(calls) >= 10
    for name, call in calls:
        (term,) = [word.value.value for word in call.keywords if word.arg == "term"]
        assert term.casefold() in NAMES, name


def test_all_words_of_the_page_are_used_and_formulas_are_no_markup():
    source = (ROOT / "moe_viz" / "ui" / "learn" / "glossary.py").read_text()
    for key, sentence in _file()["words"].items():
        assert f'word("{key}"' in source
        assert all(name for _, name, _, _ in Formatter().parse(sentence) if name is not None)
    assert not any("`" in term.formula for term in terms())


def test_what_is_asked_for_comes_first():
    assert find("load")[0].name == "load"
    assert find(" MAXVIO ")[0].name == "MaxVio"
    assert find("k")[0].name == "top-k"
    assert {term.name for term in find("expert")} >= {"expert", "dead expert", "expert choice", "slot"}
    assert find("") == terms()
    assert find("<script>") == ()


def test_the_glossary_is_read_without_torch_and_without_figures():
    heavy = {"torch", "transformers", "streamlit", "plotly", "pandas"}
    assert brought_in("moe_viz.lessons.glossary", ROOT) & heavy == set()
