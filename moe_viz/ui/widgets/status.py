"""What the server is doing, in numbers; it shows no person's text."""

from __future__ import annotations

from math import ceil
from statistics import median

import streamlit as st

from moe_viz.engine import Status
from moe_viz.ui.session.model_in_use import engine
from moe_viz.ui.widgets.words import facts_html, memory_text

_EVERY = 2.0
"""How often the open panel updates, in seconds."""


def server_status() -> None:
    """Draw the panel, folded; it asks the engine for numbers only while it is open."""
    panel = st.expander("Server", key="server", on_change="rerun")
    if panel.open:
        with panel:
            _numbers()


@st.fragment(run_every=_EVERY)
def _numbers() -> None:
    st.html(facts_html(server_facts(engine().status())))
    st.caption("These numbers are for this model and all its users; times are of the last 256 texts.")


def server_facts(status: Status) -> dict[str, str]:
    """The numbers of an engine, label by label."""
    return {
        "texts waiting": f"{status.waiting:,}",
        "being continued": f"{status.generating:,}, {status.waiting_generations:,} waiting",
        "texts per pass": f"{median(status.batches):g} (median)" if status.batches else "none yet",
        "time to answer": _times(status.seconds),
        "answered": f"{status.answered:,}",
        "failed": f"{status.failed:,}",
        "refused": f"{status.refused:,}",
        "sessions": f"{status.sessions:,} in 5 minutes",
        "memory": f"{memory_text(status.memory_bytes)}, the whole process",
        "up": _duration(status.uptime_seconds),
        "restarts": f"{status.restarts:,}",
    }


def _times(seconds: tuple[float, ...]) -> str:
    """The median, and what 95 of 100 do not exceed (nearest rank)."""
    if not seconds:
        return "none yet"
    slow = sorted(seconds)[ceil(0.95 * len(seconds)) - 1]
    return f"{1000 * median(seconds):,.0f} ms (median), {1000 * slow:,.0f} ms (95th percentile)"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
