"""moe_viz: see how a mixture-of-experts language model routes each token. Start it with `make run`."""

import streamlit as st

from moe_viz.ui.page_registry import PAGES
from moe_viz.ui.session.log import log_as_asked
from moe_viz.ui.session.opened_link import open_link
from moe_viz.ui.widgets.chart import choose_picture_format
from moe_viz.ui.widgets.link import copy_link
from moe_viz.ui.widgets.link_notice import say_of_link
from moe_viz.ui.widgets.look import ICON, look
from moe_viz.ui.widgets.model_sidebar import model_sidebar
from moe_viz.ui.widgets.presenter import present, presenter_button
from moe_viz.ui.widgets.status import server_status

log_as_asked()
st.set_page_config(page_title="moe_viz", page_icon=ICON, layout="wide")
look()
page = st.navigation(
    [st.Page(entry.file, title=entry.title, icon=entry.icon_name, default=entry is PAGES[0]) for entry in PAGES],
    position="top",
)
open_link(page.url_path)
about_link = st.container()
with st.sidebar:
    copy_link()
    presenting = presenter_button()
about_model = st.sidebar.container()
page.run()
with about_link:
    say_of_link(page.url_path)
if presenting:
    present()
with about_model:
    model_sidebar()  # late: it starts the import of torch, which would hold up the first paint
with st.sidebar:
    choose_picture_format()
    server_status()
