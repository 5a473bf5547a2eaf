"""What the app's settings promise: private, local, silent, readable."""

import re
import tomllib
from pathlib import Path

import pytest
from streamlit import config as streamlit_config

from moe_viz.figures.theme import INK, PAPER
from tests.unit.colours import contrast

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / ".streamlit/config.toml").read_text(encoding="utf-8"))


def test_every_setting_is_one_that_streamlit_knows():
    known = streamlit_config.get_config_options()
    for section, options in CONFIG.items():
        for name, value in options.items():
            keys = (
                [f"{section}.{name}.{inner}" for inner in value] if isinstance(value, dict) else [f"{section}.{name}"]
            )
            assert set(keys) <= set(known)


def test_nothing_leaves_the_machine_and_nothing_is_asked():
    assert CONFIG["server"]["address"] == "127.0.0.1"
    assert CONFIG["server"]["headless"] is True
    assert CONFIG["browser"]["gatherUsageStats"] is False
    assert CONFIG["client"]["showErrorDetails"] == "none"
    assert CONFIG["client"]["showErrorLinks"] is False


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_of_both_themes_can_be_read(mode):
    theme = CONFIG["theme"][mode]
    for ground in (theme["backgroundColor"], theme["secondaryBackgroundColor"]):
        assert contrast(theme["textColor"], ground) >= 7
        assert contrast(theme["linkColor"], ground) >= 4.5
        assert contrast(theme["primaryColor"], ground) >= 4.5  # Streamlit writes in it what is chosen
    ink = PAPER if mode == "light" else INK  # as moe_viz/ui/widgets/look.py writes on buttons
    assert contrast(ink, theme["primaryColor"]) >= 4.5


def test_every_requirement_is_pinned():
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = [line.strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
        wanted = [line for line in lines if line and not line.startswith(("#", "-r"))]
        assert wanted
        assert [line for line in wanted if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
