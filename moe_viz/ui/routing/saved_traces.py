"""Traces as files: save what is shown, open what was saved."""

from __future__ import annotations

import streamlit as st

from moe_viz.data.trace import RoutingTrace
from moe_viz.errors import MoeVizError
from moe_viz.ui.session import state
from moe_viz.ui.session.text_session import TextSession
from moe_viz.ui.session.trace_view import TraceView


def saved_traces(own: TextSession) -> None:
    """Draw both in the sidebar."""

    def opened() -> None:
        file = state.TRACE_FILE.get()
        if file is None:
            return
        try:
            own.show(TraceView(RoutingTrace.from_bytes(file.getvalue()), "opened", None), None)
        except MoeVizError as error:
            own.fail(f"{file.name}: {error}")

    with st.sidebar.expander("Saved traces"):
        if own.view:
            st.download_button(
                "Save this trace",
                data=own.file,
                file_name="trace.moetrace",
                mime="application/octet-stream",
                on_click="ignore",
                key="save trace",
            )
        st.file_uploader("Open a trace", type=["moetrace"], key=state.TRACE_FILE.key, on_change=opened)
