"""moe_viz: see how a mixture-of-experts language model routes each token. Start it with `make run`."""

import streamlit as st

from moe_viz.ui.model import model_sidebar

st.set_page_config(page_title="moe_viz", page_icon=":material/hub:", layout="wide")
page = st.navigation(
    [
        st.Page("pages/routing.py", title="Routing", icon=":material/route:", default=True),
        st.Page("pages/layers.py", title="Layers", icon=":material/layers:"),
    ],
    position="top",
)
model_sidebar()
page.run()
