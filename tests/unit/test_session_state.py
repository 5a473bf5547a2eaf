"""The session's state has its keys in one file, and no widget that the address keeps has a key of its own elsewhere."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from moe_viz.ui.session import state

ROOT = Path(__file__).parents[2]
LISTED = ROOT / "moe_viz/ui/session/state.py"
SOURCES = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "moe_viz/ui").rglob("*.py")]


def uses_of_the_state(source: str) -> list[int]:
    """The lines that reach into Streamlit's state."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Attribute) and node.attr == "session_state")
        or (isinstance(node, ast.ImportFrom) and any(alias.name == "session_state" for alias in node.names))
    ]


def literal_keys_in_the_address(source: str) -> list[int]:
    """The lines of widgets that the address keeps under a key that is written there."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            if "bind" in given and isinstance(given.get("key"), ast.Constant | ast.JoinedStr | type(None)):
                found.append(node.lineno)
    return found


@pytest.mark.parametrize("path", [path for path in SOURCES if path != LISTED], ids=str)
def test_no_other_file_reaches_into_the_state(path):
    source = path.read_text("utf-8")
    assert uses_of_the_state(source) == []
    assert literal_keys_in_the_address(source) == []


def test_what_is_listed_has_a_key_of_its_own():
    keys = [entry.key for entry in vars(state).values() if isinstance(entry, state.Entry)]
    keys += [entry.template for entry in vars(state).values() if isinstance(entry, state.EntryFor)]
    assert len(keys) > 70
    assert len(keys) == len(set(keys))


def test_every_entry_that_is_listed_is_used():
    text = "\n".join(path.read_text("utf-8") for path in SOURCES if path != LISTED)
    entries = [name for name, entry in vars(state).items() if isinstance(entry, state.Entry | state.EntryFor)]
    assert [name for name in entries if f"state.{name}" not in text] == []


def test_planted_keys_are_found():
    assert uses_of_the_state('import streamlit as st\nst.session_state["mine"] = 1\n') == [2]
    assert uses_of_the_state("from streamlit import session_state\n") == [1]
    assert literal_keys_in_the_address('st.slider("a", key="mine", bind="query-params")\n') == [1]
    assert literal_keys_in_the_address('st.slider("a", key=f"mine {1}", bind="query-params")\n') == [1]
    assert literal_keys_in_the_address('st.slider("a", bind="query-params")\n') == [1]
    assert literal_keys_in_the_address('st.slider("a", key=state.MINE.key, bind="query-params")\n') == []
