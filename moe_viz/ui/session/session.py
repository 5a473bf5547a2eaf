"""The session whose page is being drawn."""

from __future__ import annotations

from moe_viz.ui.session import state
from moe_viz.ui.session.memory_budget import MEMORY_BUDGET
from moe_viz.ui.session.text_session import TextSession


def session() -> TextSession:
    """The session whose page is being drawn; what it shows counts as just seen."""
    own = state.SESSION.get_or_set(TextSession())
    MEMORY_BUDGET.touch(own)
    return own
