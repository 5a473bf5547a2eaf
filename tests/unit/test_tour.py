"""The tour's words belong to parts that the page's script can find."""

from __future__ import annotations

import re
from pathlib import Path

from moe_viz.lessons.texts import tour_texts

COMPONENT = Path(__file__).parents[2] / "moe_viz" / "components" / "tour"


def test_every_step_has_its_part_and_every_part_its_step():
    known = re.findall(r"^  (\w+): [\"`]", (COMPONENT / "parts.js").read_text(), re.MULTILINE)
    steps = tour_texts()["steps"]
    assert [step["part"] for step in steps] == known
    assert 4 <= len(steps) <= 6
    assert all(step.keys() == {"part", "title", "text"} for step in steps)


def test_every_word_is_used():
    script = "".join(path.read_text() for path in COMPONENT.glob("*.js"))
    words = tour_texts().keys()
    assert words == set(re.findall(r"words\.(\w+)", script))
