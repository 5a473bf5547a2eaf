"""The link by which a page was opened: what it asks for, and what of that cannot be had."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import streamlit as st

from moe_viz.components.routing_map.pack import AT_FIRST, Initial
from moe_viz.data.trace import RoutingTrace
from moe_viz.settings import settings
from moe_viz.ui.session.model_in_use import ModelChoice, choice_in_use
from moe_viz.ui.session.scene import NAMES, Scene, decode, fit
from moe_viz.ui.session.stored_texts import Limits, StoredTexts

_SAID_BY_PAGE = {"lesson", "round", "term"}
"""Parameters of which the page itself says what is wrong with them."""


def _limits() -> Limits:
    own = settings()
    return Limits(own.stored_texts, own.stored_megabytes * 10**6, own.stored_hours * 3600)


stored_texts = StoredTexts(_limits)
"""The texts of links, of all sessions."""


@dataclass
class OpenedLink:
    """A link that was opened."""

    page: str
    scene: Scene
    asked: dict[str, str]
    """The parameters of its address that are not the scene's."""
    lost: dict[str, None]
    """Those that could not be kept."""
    text: str | None
    """The text that it asks for, until that is read."""
    gone: bool
    """Whether its text is no longer on the server."""
    drawn: bool = False
    """Whether the page has been drawn with it: from then on it is the person's own."""
    closed: bool = False
    """Whether what is said of it has been read."""


def open_link(page: str) -> None:
    """Before a session's first page is drawn: take what the address asks for."""
    if "opened link" in st.session_state:
        return
    asked = st.query_params.to_dict()
    scene, lost = decode(asked)
    stored = stored_texts.get(scene.stored) if scene.stored else None
    gone = scene.stored is not None and stored is None
    settled = {name: written for name, written in asked.items() if name not in NAMES}
    st.session_state["opened link"] = OpenedLink(
        page, replace(scene, text=None), settled, dict.fromkeys(lost), stored or scene.text, gone
    )
    if empty := [name for name, written in asked.items() if not written and name not in _SAID_BY_PAGE]:
        for name in empty:
            del st.query_params[name]
        st.rerun()  # to a widget, an empty parameter is a choice of nothing, even where there must be one


def opened_link() -> OpenedLink:
    """The link of this session, as `open_link` took it."""
    opened: OpenedLink = st.session_state["opened link"]
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
    """Another text is asked for: the address no longer says what is shown."""
    st.session_state["opened link"].closed = True
    for name in ("text", "stored"):
        st.query_params.pop(name, None)


def initial_of_link(trace: RoutingTrace) -> Initial:
    """What the map of the first page that is drawn shows first."""
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
    """What the link asks for, as far as a trace has it."""
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
    """Whether a widget has that very value: its default is not kept in the address."""
    return name in st.session_state and str(st.session_state[name]).lower() == written.lower()
