"""Engines to ask: one that runs, and one whose passes wait."""

from __future__ import annotations

import pytest

import moe_viz
from moe_viz.engine import Engine
from tests.model.engines import Gate


@pytest.fixture(scope="module")
def demo_engine():
    """The bundled model's, of all tests of a file."""
    running = Engine(moe_viz.load)
    yield running
    running.close()


@pytest.fixture
def gate():
    """See `Gate`."""
    return Gate()
