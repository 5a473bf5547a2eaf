"""The app, without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def app(monkeypatch):
    """The app on a server that has been visited: each run of AppTest is a fresh one otherwise, whose
    first press of a button goes to the detour of `through_app`. The fresh server is the browser tests'."""
    start = PagesManager.__init__

    def visited(self, *args, **kwargs):
        start(self, *args, **kwargs)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", visited)
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
