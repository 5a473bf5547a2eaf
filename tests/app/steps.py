"""What is done to the app, and seen of it."""

from __future__ import annotations

import time

from moe_viz.ui.session.text_session import TextSession
from moe_viz.ui.session.trace_view import TraceView


def clean(app) -> None:
    """Nothing may have failed."""
    assert not app.exception, [e.message for e in app.exception]


def shown(app) -> TraceView:
    """What the session looks at."""
    return app.session_state["session"].view


def look_at(app, trace) -> None:
    """Have the session look at a trace, as if it had opened its file."""
    app.session_state["session"] = TextSession()
    app.session_state["session"].show(TraceView(trace, "opened", None), None)


def on_text(app, page):
    """A page that is of a text, looking at one."""
    app.run().switch_page(page).run()
    if page == "pages/layers.py" and app.button_group(key="of").value != "This text":
        app.button_group(key="of").set_value("This text").run()
    clean(app)
    return app


def button(app, label: str):
    """The button that says so."""
    return next(button for button in app.button if button.label == label)


def show_routing(app):
    """The button that has a text read."""
    return button(app, "Show routing")


def until(app, holds) -> None:
    """Run the page again and again, as its own polling does, until something holds."""
    for _ in range(240):
        clean(app)
        if holds():
            return
        time.sleep(0.25)
        app.run()
    raise AssertionError("it never came to hold")
