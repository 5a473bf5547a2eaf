"""The log that a server's operator asks for."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging
from moe_viz.engine.meter import Meter
from moe_viz.ui.session.log import log_as_asked
log_as_asked()
log_as_asked()
Meter().passed(3, 70, 0.25)
try:
    raise ValueError("a\\nb")
except ValueError:
    logging.getLogger("moe_viz.engine.batch").exception("it failed")
"""


def lines(level: str | None) -> list[str]:
    """What the program writes to standard error, asked for a level."""
    environment = {"MOE_VIZ_LOG": level} if level is not None else {}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    return [line for line in done.stderr.splitlines() if "ScriptRunContext" not in line]


@pytest.mark.parametrize("level", ["info", "INFO"])
def test_each_event_is_one_line_of_json_and_written_once(level):
    passed, failed = map(json.loads, lines(level))
    assert {name: passed[name] for name in ("event", "texts", "tokens", "seconds", "level")} == {
        "event": "pass",
        "texts": 3,
        "tokens": 70,
        "seconds": 0.25,
        "level": "INFO",
    }
    assert passed["time"] <= failed["time"]
    assert (failed["event"], failed["level"]) == ("it failed", "ERROR")
    assert failed["exception"].endswith("ValueError: a\nb")


def test_a_higher_level_leaves_the_passes_out():
    (failed,) = lines("error")
    assert json.loads(failed)["event"] == "it failed"


def test_unasked_no_pass_is_logged():
    assert not [line for line in lines(None) if "pass" in line]


def test_a_level_that_is_none_is_named():
    assert "MOE_VIZ_LOG is 'loud'; expected debug, info, warning or error" in lines("loud")[-1]
