"""A lesson as it is drawn, its sentences, and the recorded sizes of models as the file has them."""

from __future__ import annotations

import json

from moe_viz.lessons import sizes
from moe_viz.lessons.texts import lessons
from tests.contract.recording import draw_page

SIZES = json.loads(sizes.FILE.read_text())
FIXED = ("attention", "shared", "embeddings", "output_head", "other", "routers")


def page_of(monkeypatch, part, name: str, state=None):
    return draw_page(monkeypatch, lambda: part.draw(lessons()[name]), state)


def words(name: str, key: str, **values) -> str:
    return lessons()[name].say(key, **values)
