"""The parts of the Models page about the model in use, and about loading another."""

from __future__ import annotations

import streamlit as st

from moe_viz.model.checked import proven
from moe_viz.model.info import ModelInfo
from moe_viz.ui.architecture import Portrait, portraits
from moe_viz.ui.model import (
    DEFAULT_MODEL,
    coming,
    context_text,
    engine,
    failure,
    load,
    model_name,
    not_loaded,
    plain,
)


def loaded_model() -> None:
    """The model in use: how it is built, what it weighs, what is known of it."""
    current = engine()
    if current.state == "loading":
        with st.container(border=True):
            st.markdown(f"**Loading {plain(model_name())}.**")
            st.markdown("Its layers are drawn here as soon as it is there. The models below can be looked at already.")
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
            "weights": origin.revision or "no revision known",
            "context": context_text(info.context),
            "proven": proven(origin.family) or "nothing: this family is not recorded",
        },
        notes=origin.notes,
        source=f"Counted on the loaded model. {versions}.",
    )


def load_another() -> None:
    """The one place where a model is named to take the place of the one in use."""
    st.markdown("##### Load another model")
    with st.form("load", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            "Hugging Face hub id, or a local folder",
            placeholder="allenai/OLMoE-1B-7B-0924",
            help="Only safetensors are read, and no code of the model's own is run.",
        )
        asked = st.form_submit_button("Load")
    if asked:
        load(name.strip() or DEFAULT_MODEL)
    if expected := coming():
        st.info(
            f"Loading {plain(expected)}. {plain(model_name())} stays in use until it is there.",
            icon=":material/hourglass_top:",
        )
    elif reason := not_loaded():
        st.error(plain(reason), icon=":material/error:")
        st.caption(f"{plain(model_name())} is still in use.")
