"""Type a text, see every router's choices."""

from moe_viz.ui.widgets.entry import through_app

through_app()

import streamlit as st

from moe_viz.ui.routing.prompt import nothing_yet, prompt
from moe_viz.ui.routing.tour import tour

own = prompt()
shown = own.view
with st.container():  # one place for all that may be here, so that the tour keeps its own
    if not shown and not own.job:
        nothing_yet()
    else:  # what draws a trace is imported when there is one: a first visitor need not wait for it
        from moe_viz.ui.routing.routing_map import routing_map
        from moe_viz.ui.widgets.numbers import numbers

        routing_map(own)
        if shown and not own.job:
            numbers(shown, {"routing": shown.trace.to_frame})
tour()
