"""The link by which a page was opened: what it asks for, and what of that cannot be had."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import islice

import streamlit as st

from moe_viz.components.routing_map.pack import AT_FIRST, Initial
from moe_viz.scene import NAMES, Scene, decode, fit
from moe_viz.settings import settings
from moe_viz.stored_texts import Limits, StoredTexts
from moe_viz.trace import RoutingTrace
from moe_viz.ui.model import Choice, choice_in_use, coming, load, model_name, plain, refused

_SAID_BY_PAGE = {"lesson", "round", "term"}
"""Parameters of which the page itself says what is wrong with them."""


_NAMED = 8
"""So many of those that could not be kept are named."""


def _limits() -> Limits:
    own = settings()
    return Limits(own.stored_texts, own.stored_megabytes * 10**6, own.stored_hours * 3600)


stored_texts = StoredTexts(_limits)
"""The texts of links, of all sessions."""


@dataclass
class Opened:
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
    st.session_state["opened link"] = Opened(
        page, replace(scene, text=None), settled, dict.fromkeys(lost), stored or scene.text, gone
    )
    if empty := [name for name, written in asked.items() if not written and name not in _SAID_BY_PAGE]:
        for name in empty:
            del st.query_params[name]
        st.rerun()  # to a widget, an empty parameter is a choice of nothing, even where there must be one


def text_of_link() -> str | None:
    """The text that a link asks for, once."""
    opened: Opened = st.session_state["opened link"]
    text, opened.text = opened.text, None
    return text


def text_is_linked() -> bool:
    """Whether a link asks for a text that is not read yet."""
    opened: Opened = st.session_state["opened link"]
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
    opened: Opened = st.session_state["opened link"]
    if opened.drawn:
        return None
    scene, lost = fit(opened.scene, trace)
    opened.lost |= dict.fromkeys(lost)
    return scene


def say_of_link(page: str) -> None:
    """After the page is drawn: say which model a link was made with, and what of it could not be kept."""
    opened: Opened = st.session_state["opened link"]
    if not opened.drawn:
        opened.lost |= dict.fromkeys(_refused(opened.asked))
        opened.text, opened.drawn = None, True
    if opened.closed or opened.page != page:
        return
    wanted = _other_model(opened.scene)
    sentences = _sentences(opened, wanted)
    if not sentences:
        return

    def close() -> None:
        opened.closed = True

    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(plain(" ".join(sentences)), icon=":material/link:")
        if wanted is not None and coming() is None and refused(wanted.name) is None:
            st.button("Load it", key="load linked", on_click=load, args=(wanted,))
        st.button("Close", key="close link", type="tertiary", on_click=close)


def _sentences(opened: Opened, wanted: Choice | None) -> list[str]:
    said = []
    if wanted is not None:
        how = ", ".join(value for value in wanted.options.values() if value)
        said.append(
            f"This link was made with {wanted.name}{f' ({how})' if how else ''}; what you see is of {model_name()}."
            + (f" {reason}" if (reason := refused(wanted.name)) else " Once it is loaded, have the text read again.")
        )
    if opened.gone:
        said.append(
            f"The text of this link is not on this server: a long text is kept for {settings().stored_hours:g} hours at"
            " most, and not beyond a restart. Ask for a new link, or for the text."
        )
    if opened.lost:
        names = [_called(name) for name in islice(opened.lost, _NAMED)]
        more = ", …" if len(opened.lost) > _NAMED else ""
        said.append(f"Not all of this link fits here. The page shows its own choice of: {', '.join(names)}{more}.")
    return said


def _called(parameter: str) -> str:
    """A parameter as a sentence names it; it may be anything that an address can hold."""
    return (parameter if parameter.isprintable() else ascii(parameter))[:40].replace("_", " ")


def _other_model(scene: Scene) -> Choice | None:
    """The model that the link was made with, if it is not the one in use."""
    asked = {name: getattr(scene, name) for name in ("revision", "dtype", "quantization")}
    used = asdict(choice_in_use())
    if scene.model is None or all(used[name] == value for name, value in (asked | {"name": scene.model}).items()):
        return None
    return Choice(scene.model, **asked)


def _refused(asked: dict[str, str]) -> list[str]:
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
