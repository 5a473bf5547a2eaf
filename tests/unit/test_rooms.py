"""A room imports none above it, and no two files import each other."""

from pathlib import Path

import pytest

from tests.unit.rooms import FROM_THE_GROUND, circles, imports_of, room_of, upward

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "moe_viz").rglob("*.py")]
IMPORTS = imports_of(ROOT, SOURCES)


def test_a_room_never_imports_one_above_it():
    assert upward(IMPORTS, FROM_THE_GROUND) == set()


def test_no_file_imports_itself_by_way_of_others():
    assert circles(IMPORTS) == set()


def test_every_room_that_is_named_holds_a_file():
    assert {room_of(path, FROM_THE_GROUND) for path in IMPORTS} | {"moe_viz/ui"} == set(FROM_THE_GROUND)


@pytest.fixture
def planted(tmp_path):
    """A house of two rooms, in which a hidden import runs up and closes a circle."""
    (tmp_path / "low").mkdir()
    (tmp_path / "high").mkdir()
    (tmp_path / "low" / "__init__.py").write_text("")
    (tmp_path / "low" / "value.py").write_text("def later():\n    from high import page\n    import json\n")
    (tmp_path / "low" / "plain.py").write_text("import high_up_elsewhere\n")
    (tmp_path / "high" / "__init__.py").write_text("")
    (tmp_path / "high" / "page.py").write_text("from low.value import later\n")
    return imports_of(tmp_path, tmp_path.rglob("*.py"))


def test_an_import_that_runs_up_is_found(planted):
    assert upward(planted, ("low", "high")) == {("low/value.py", "high/page.py")}
    assert upward(planted, ("high", "low")) == {("high/page.py", "low/value.py")}


def test_a_circle_is_found(planted):
    assert circles(planted) == {"low/value.py", "high/page.py"}


def test_a_file_in_no_room_is_refused():
    with pytest.raises(AssertionError, match=r"cellar\.py lies in no room"):
        room_of("cellar.py", FROM_THE_GROUND)
