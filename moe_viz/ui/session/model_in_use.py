"""The model of this session: one engine per name, shared by all sessions."""

from __future__ import annotations

from functools import partial

import streamlit as st

import moe_viz
from moe_viz.engine import Engine
from moe_viz.errors import MoeVizError
from moe_viz.settings import settings
from moe_viz.ui.session import state
from moe_viz.ui.session.model_choice import ModelChoice

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@st.cache_resource(
    max_entries=settings().models_kept,
    show_spinner=False,
    on_release=Engine.close,
    hash_funcs={ModelChoice: repr},  # a page asks several times a run: Streamlit's own way takes four times as long
)
def _engine(choice: ModelChoice) -> Engine:
    _ASKED_FOR.add(choice)
    return Engine(partial(moe_viz.load, choice.name, **choice.options))


_ASKED_FOR: set[ModelChoice] = set()
"""The models whose engines were begun."""


def engine() -> Engine:
    """The engine of the session's model; it starts loading when it is first asked for."""
    return _engine(choice_in_use())


def ready_engine() -> Engine | None:
    """The engine of the session's model, once it is loaded; asking this way loads nothing.

    A fresh server's first page is drawn before it: the import of torch would hold it up.
    """
    if choice_in_use() not in _ASKED_FOR:
        return None
    current = engine()
    return current if current.state == "ready" else None


def model_name() -> str:
    """The name by which the session's model was asked for: "demo", a hub id or a folder."""
    return choice_in_use().name


def choice_in_use() -> ModelChoice:
    """The session's model, and how it was asked for."""
    return state.MODEL.get_or_set(ModelChoice(settings().model))


def any_may_load() -> bool:
    """Whether pages may load any model: if the server's owner says so, or only this machine reaches it."""
    allowed = settings().models
    return "*" in allowed if allowed else st.get_option("server.address") in _LOOPBACK


def loadable() -> tuple[str, ...]:
    """The models that pages may load by name; the one that the server starts with comes first."""
    return tuple(dict.fromkeys((settings().model, *(name for name in settings().models if name != "*"))))


def refused(name: str) -> str | None:
    """Why a page may not load this model; None if it may."""
    if any_may_load() or name in loadable():
        return None
    return f"This server shows {', '.join(loadable())}. Its owner can allow others (models, in settings.toml)."


def begin_loading(choice: ModelChoice) -> None:
    """Start loading another model; the one in use stays until the other is loaded, and stays if loading fails."""
    if reason := refused(choice.name):
        state.LOADING_FAILURE.set(reason)
        return
    if _engine(choice).state == "failed":
        _engine.clear(choice)  # to be tried again
        _engine(choice)
    state.LOADING_MODEL.set(choice)
    state.LOADING_FAILURE.set(None)


def stop_loading() -> None:
    """Stop loading the other model."""
    choice = state.LOADING_MODEL.get()
    if choice is not None:
        state.LOADING_MODEL.set(None)
        _engine.clear(choice)


def coming() -> str | None:
    """The model that is being loaded to replace the one in use."""
    choice = state.LOADING_MODEL.get()
    return None if choice is None else choice.name


def not_loaded() -> str | None:
    """Why the last model that was asked for could not be loaded."""
    return state.LOADING_FAILURE.get()


def failure(failed: Engine) -> str | None:
    """Why an engine that has stopped loading has no model; None if it has one."""
    try:
        failed.info()
    except MoeVizError as error:
        return str(error)
    return None


def engine_coming() -> Engine | None:
    """The engine of the model that is being loaded."""
    choice = state.LOADING_MODEL.get()
    return None if choice is None else _engine(choice)


def arrived() -> bool:
    """Whether the awaited model is loaded or has failed. If so it is in use, or the reason is kept."""
    choice = state.LOADING_MODEL.get()
    if choice is None or _engine(choice).state == "loading":
        return False
    state.LOADING_FAILURE.set(failure(_engine(choice)))
    if not_loaded() is None:
        state.MODEL.set(choice)
    state.LOADING_MODEL.set(None)
    return True
