"""What tests of pages do again and again."""

from __future__ import annotations

import time


def clean(app) -> None:
    assert not app.exception, [e.message for e in app.exception]


def until(app, holds) -> None:
    """Run the page again and again, as its own polling does, until something holds."""
    for _ in range(240):
        clean(app)
        if holds():
            return
        time.sleep(0.25)
        app.run()
    raise AssertionError("it never came to hold")
