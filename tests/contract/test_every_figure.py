"""No figure is drawn past the contract: each call is known, of a figure with a contract, in a place that is tested."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from moe_viz.ui.session import state

ROOT = Path(__file__).parents[2]
ROOMS = [*ROOT.glob("pages/*.py"), *(ROOT / "moe_viz" / "ui").rglob("*.py")]
OTHERS = r"\bst\.((?!plotly)\w+_chart|map|pyplot|image)\("


def calls() -> list[tuple[Path, ast.Call]]:
    return [
        (path, node)
        for path in ROOMS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "chart"
    ]


def options(call: ast.Call) -> dict[str | None, ast.expr]:
    return {word.arg: word.value for word in call.keywords}


def _texts(key: ast.expr) -> Iterator[str]:
    """The words of a key: those that stand there, or those of an entry of the session state."""
    for part in ast.walk(key):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value
        elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "state":
            yield getattr(state, part.attr).key


def test_every_figure_is_named_by_a_test_of_the_contract():
    tested = "\n".join(
        path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)
    )
    assert len(calls()) > 30
    for path, call in calls():
        words = [*_texts(options(call)["key"])]
        assert any(f'"{word.strip()}' in tested for word in words) or words == ["s"], (path.name, words)


def test_every_figure_takes_a_table_and_hands_it_out_by_name():
    for path, call in calls():
        assert len(call.args) == 2, f"{path}:{call.lineno}: a figure's function, and its table"
        assert "name" in options(call)


def test_nothing_else_draws():
    for path in ROOMS:
        assert not re.search(OTHERS, path.read_text(encoding="utf-8")), path
