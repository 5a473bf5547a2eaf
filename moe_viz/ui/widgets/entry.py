"""Making sure that a page is always entered through `app.py`."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager


def through_app() -> None:
    """Call first in every page: on a fresh server, run `app.py` instead of the page alone.

    Until the first `st.navigation` of a server, Streamlit takes a `pages/` folder for its
    older kind of multipage app and runs a deep link's page by itself, without `app.py`.
    The flag is private; a test opens every page on a fresh server.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()
