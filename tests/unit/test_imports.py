"""Imports run one way, and `import moe_viz` is quick: what each room must not bring in."""

from pathlib import Path

import pytest

from tests.unit.imports import brought_in, named_in

ROOT = Path(__file__).parents[2]
LIBRARY = sorted((ROOT / "moe_viz").rglob("*.py"))
HEAVY = {"torch", "transformers", "accelerate", "streamlit", "plotly", "pandas"}

MUST_NOT_BRING = {
    "moe_viz": HEAVY,
    "moe_viz.data": HEAVY,
    "moe_viz.catalogue": HEAVY,
    "moe_viz.cli.parameters": HEAVY,
    "moe_viz.cli.profile": HEAVY,
    "moe_viz.probes": HEAVY,
    "moe_viz.profiles": HEAVY,
    "moe_viz.quiz": HEAVY - {"pandas"},
    "moe_viz.metrics": {"torch", "transformers", "streamlit", "plotly"},
    "moe_viz.figures": {"torch", "transformers", "streamlit"},
    "moe_viz.components": {"torch", "transformers", "streamlit"},
    "moe_viz.model": {"streamlit", "plotly"},
    "moe_viz.engine": {"torch", "transformers", "streamlit", "plotly", "pandas"},
    "moe_viz.ui.routing.prompt": HEAVY - {"streamlit", "plotly"},  # a first paint; streamlit itself brings plotly
}


def modules_of(name: str) -> list[str]:
    """The module itself and, if it is a folder's, all modules in it; moe_viz stands for itself alone."""
    folder = ROOT / name.replace(".", "/")
    if name == "moe_viz" or not folder.is_dir():
        return [name]
    paths = [path.relative_to(ROOT).with_suffix("") for path in sorted(folder.rglob("*.py"))]
    return [".".join(path.parts).removesuffix(".__init__") for path in paths]


@pytest.mark.parametrize(("module", "forbidden"), MUST_NOT_BRING.items())
def test_importing_a_room_brings_in_nothing_it_must_not_know(module, forbidden):
    assert brought_in(", ".join(modules_of(module)), ROOT) & forbidden == set()


def test_only_the_ui_names_streamlit():
    naming = {path.relative_to(ROOT) for path, names in named_in(LIBRARY).items() if "streamlit" in names}
    assert naming
    assert {path for path in naming if path.parts[:2] != ("moe_viz", "ui")} == set()


def test_only_the_model_room_and_the_engine_name_torch():
    naming = {path.relative_to(ROOT) for path, names in named_in(LIBRARY).items() if "torch" in names}
    assert Path("moe_viz/model/routers/capture.py") in naming
    assert {path.parts[1] for path in naming} <= {"model", "engine"}


def test_pages_name_neither_torch_nor_plotly():
    sources = named_in([ROOT / "app.py", *(ROOT / "pages").glob("*.py")])
    assert {path.name for path, names in sources.items() if names & {"torch", "plotly", "transformers"}} == set()


def test_a_forbidden_import_is_found(tmp_path):
    planted = tmp_path / "room"
    planted.mkdir()
    (planted / "__init__.py").write_text("")
    (planted / "open.py").write_text("import plotly.graph_objects\n")
    (planted / "hidden.py").write_text("def draw():\n    from plotly import graph_objects\n    import json\n")
    (planted / "through.py").write_text("from room.open import plotly\n")
    assert "plotly" in brought_in("room.open", tmp_path)
    assert "plotly" in brought_in("room, room.through", tmp_path)
    assert "plotly" not in brought_in("room, room.hidden", tmp_path)
    assert {path.name for path, names in named_in(tmp_path.rglob("*.py")).items() if "plotly" in names} == {
        "open.py",
        "hidden.py",
    }


def test_an_import_that_fails_is_no_pass(tmp_path):
    (tmp_path / "broken.py").write_text("import no_such_package_anywhere\n")
    with pytest.raises(AssertionError, match="no_such_package_anywhere"):
        brought_in("broken", tmp_path)


def test_figures_are_drawn_in_one_place_where_their_pictures_can_be_saved():
    sources = [*LIBRARY, *(ROOT / "pages").glob("*.py")]
    drawing = [path.relative_to(ROOT).as_posix() for path in sources if "plotly_chart(" in path.read_text("utf-8")]
    assert drawing == ["moe_viz/ui/widgets/chart.py"]
