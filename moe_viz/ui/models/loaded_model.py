"""The part of the Models page about the model in use."""

from __future__ import annotations

import streamlit as st

from moe_viz.model.info import ModelInfo
from moe_viz.model.routers.family_support import proven
from moe_viz.ui.models.architecture import Portrait, portraits
from moe_viz.ui.session.model_in_use import engine, failure, model_name
from moe_viz.ui.widgets.words import context_text, plain, taken_text


def loaded_model() -> None:
    """The model in use: how it is built, its size, what is known about it."""
    current = engine()
    if current.state == "loading":
        with st.container(border=True):
            st.markdown(f"**Loading {plain(model_name())}.**")
            st.markdown("Its layers are drawn here as soon as it is loaded. You can already look at the models below.")
    elif reason := failure(current):
        with st.container(border=True):
            st.markdown(f"**{plain(model_name())} could not be loaded.**")
            st.error(plain(reason), icon=":material/error:")
            st.markdown("Load another one below.")
    else:
        portraits(_portrait(current.info(), "loaded"))


def loaded_portrait(key: str) -> Portrait | None:
    """The model in use, if there is one already."""
    current = engine()
    return _portrait(current.info(), key) if current.state == "ready" else None


def _portrait(info: ModelInfo, key: str) -> Portrait:
    origin = info.provenance
    versions = ", ".join(f"{name} {number}" for name, number in origin.versions)
    return Portrait(
        key=key,
        name=f"The loaded model: {model_name()}",
        architecture=info,
        facts={
            "family": origin.family,
            "runs on": f"{origin.device}, {origin.dtype}",
            "takes": taken_text(info),
            "weights": origin.revision or "no revision known",
            "context": context_text(info.context),
            "self-test": info.self_test.sentence,
            "proven": proven(origin.family) or "nothing, because this family is not recorded",
        },
        notes=origin.notes,
        source=f"Counted on the loaded model. {versions}.",
    )
