"""The link by which a page was opened: what it asks for, and what is not available."""

from __future__ import annotations

from dataclasses import asdict, replace

import streamlit as st

from moe_viz.components.routing_map.pack import AT_FIRST, Initial
from moe_viz.data.trace import RoutingTrace
from moe_viz.settings import settings
from moe_viz.ui.session import state
from moe_viz.ui.session.model_choice import ModelChoice
from moe_viz.ui.session.model_in_use import choice_in_use
from moe_viz.ui.session.scene import NAMES, OpenedLink, Scene, decode, fit
from moe_viz.ui.session.stored_texts import Limits, StoredTexts

_SAID_BY_PAGE = {"lesson", "round", "term"}
"""Parameters for which the page itself says what is wrong."""


def _limits() -> Limits:
    own = settings()
    return Limits(own.stored_texts, own.stored_megabytes * 10**6, own.stored_hours * 3600)


stored_texts = StoredTexts(_limits)
"""The texts of links, shared by all sessions."""


def open_link(page: str) -> None:
    """Take what the address asks for, before a session's first page is drawn."""
    if state.OPENED_LINK.get() is not None:
        return
    asked = st.query_params.to_dict()
    scene, lost = decode(asked)
    stored = stored_texts.get(scene.stored) if scene.stored else None
    gone = scene.stored is not None and stored is None
    settled = {name: written for name, written in asked.items() if name not in NAMES}
    state.OPENED_LINK.set(
        OpenedLink(page, replace(scene, text=None), settled, dict.fromkeys(lost), stored or scene.text, gone)
    )
    if empty := [name for name, written in asked.items() if not written and name not in _SAID_BY_PAGE]:
        for name in empty:
            del st.query_params[name]
        st.rerun()  # to a widget, an empty parameter is a choice of nothing, even where there must be one


def opened_link() -> OpenedLink:
    """The link of this session, as `open_link` took it."""
    opened = state.OPENED_LINK.get()
    assert opened is not None  # `app.py` took it before it drew a page
    return opened


def text_of_link() -> str | None:
    """The text that a link asks for, once."""
    opened = opened_link()
    text, opened.text = opened.text, None
    return text


def text_is_linked() -> bool:
    """Whether a link asks for a text that is not read yet."""
    opened = opened_link()
    return opened.text is not None


def leave_link() -> None:
    """Note that another text is asked for: the address no longer says what is shown."""
    opened_link().closed = True
    for name in ("text", "stored"):
        st.query_params.pop(name, None)


def initial_of_link(trace: RoutingTrace) -> Initial:
    """What the map shows at first, on the first page that is drawn."""
    scene = _fitted(trace)
    if scene is None:
        return AT_FIRST
    return Initial(
        scene.map_layer, scene.map_token or AT_FIRST.token, scene.map_colour or AT_FIRST.colour, scene.map_expert
    )


def cell_of_link(trace: RoutingTrace) -> tuple[int, int] | None:
    """The router and expert whose tokens the first page that is drawn lists."""
    scene = _fitted(trace)
    return None if scene is None else scene.cell


def _fitted(trace: RoutingTrace) -> Scene | None:
    """The part of what the link asks for that a trace has."""
    opened = opened_link()
    if opened.drawn:
        return None
    scene, lost = fit(opened.scene, trace)
    opened.lost |= dict.fromkeys(lost)
    return scene


def other_model(scene: Scene) -> ModelChoice | None:
    """The model that the link was made with, if it is not the one in use."""
    asked = {name: getattr(scene, name) for name in ("revision", "dtype", "quantization")}
    used = asdict(choice_in_use())
    if scene.model is None or all(used[name] == value for name, value in (asked | {"name": scene.model}).items()):
        return None
    return ModelChoice(scene.model, **asked)


def not_taken(asked: dict[str, str]) -> list[str]:
    """The parameters that the page's widgets did not take as they were written."""
    now = st.query_params.to_dict()
    return [
        name
        for name, written in asked.items()
        if name not in _SAID_BY_PAGE and now.get(name) != written and not _is(name, written)
    ]


def _is(name: str, written: str) -> bool:
    """Whether a widget has exactly this value: its default is not kept in the address."""
    value = state.widget_value(name)
    return value is not None and str(value).lower() == written.lower()
