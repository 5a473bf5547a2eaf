"""The wheel, installed elsewhere: the library, its command and the app work without the checkout."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SECONDS = 120


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel that `pip install .` builds, by the backend that is installed already."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--wheel-dir", folder, ROOT], check=True, timeout=SECONDS)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory) -> Path:
    """A folder with what the wheel holds, far from the checkout."""
    folder = tmp_path_factory.mktemp("elsewhere")
    with ZipFile(wheel) as packed:
        packed.extractall(folder)
    return folder


def run(elsewhere: Path, *arguments: str, **options: object) -> subprocess.Popen[str]:
    """Start Python in that folder's parent, with the folder in place of the checkout."""
    environment = os.environ | {"PYTHONPATH": str(elsewhere), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *arguments]
    return subprocess.Popen(command, cwd=elsewhere.parent, env=environment, text=True, **options)


def test_the_wheel_holds_everything_that_is_tracked_and_nothing_else(wheel):
    tracked = subprocess.run(
        ["git", "ls-files", "moe_viz", "app.py", "pages", ".streamlit"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    placed = {path if path.startswith("moe_viz/") else f"moe_viz/app/{path}" for path in tracked}
    with ZipFile(wheel) as packed:
        held = {name for name in packed.namelist() if ".dist-info/" not in name}
    assert held == placed
    assert "moe_viz/py.typed" in held


def test_the_installed_library_traces_a_text_at_the_command_line(elsewhere, tmp_path):
    out = tmp_path / "x.moetrace"
    code = "import sys; from moe_viz.cli.main import main; sys.exit(main())"  # as the script `moe-viz` does
    done = run(elsewhere, "-c", code, "trace", "--text", "def area(r):", "--out", str(out), stderr=subprocess.PIPE)
    said = done.communicate(timeout=SECONDS)[1]
    assert (done.returncode, out.exists()) == (0, True), said
    where = run(elsewhere, "-c", "import moe_viz; print(moe_viz.__file__)", stdout=subprocess.PIPE)
    assert Path(where.communicate(timeout=SECONDS)[0].strip()).is_relative_to(elsewhere)


def test_the_installed_app_is_served_with_its_settings(elsewhere):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    served = run(
        elsewhere, "-m", "moe_viz", "run", "--port", str(port), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        for line in served.stdout:  # a server that fails ends, and with it its output
            if f":{port}" in line:
                break
        address = f"http://127.0.0.1:{port}"
        assert urllib.request.urlopen(f"{address}/_stcore/health", timeout=SECONDS).status == 200
        script = run(elsewhere, "-c", APP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = script.communicate(timeout=SECONDS)[0]
        assert script.returncode == 0, said
    finally:
        served.terminate()
        served.wait(SECONDS)


APP = """
from moe_viz.cli.run import app_file
from streamlit import config
from streamlit.testing.v1 import AppTest

config._main_script_path = str(app_file())
config.get_config_options(force_reparse=True)
assert config.get_option("client.showErrorDetails") == "none", "the settings beside the script were not read"
app = AppTest.from_file(str(app_file()), default_timeout=100).run()
assert not app.exception, app.exception
assert app.button, "the first page has no button"
"""
"""The first page of the installed app, drawn from beginning to end."""


def test_what_it_needs_is_bounded_and_what_the_tests_run_on_lies_within():
    pinned = dict(line.split("==") for line in read("requirements.txt"))
    needed = {requirement.name: requirement for requirement in map(Requirement, PROJECT["dependencies"])}
    assert set(needed) == set(pinned)
    for name, requirement in needed.items():
        assert {spec.operator for spec in requirement.specifier} == {">=", "<"}, name
        assert requirement.specifier.contains(pinned[name]), name


def read(file: str) -> list[str]:
    """The requirements that a file lists."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-r"))]
