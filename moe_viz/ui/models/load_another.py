"""The part of the Models page where another model is named, and how it is to be loaded."""

from __future__ import annotations

import streamlit as st

import moe_viz
from moe_viz.ui.session.model_choice import ModelChoice
from moe_viz.ui.session.model_in_use import (
    any_may_load,
    begin_loading,
    coming,
    engine,
    failure,
    loadable,
    model_name,
    not_loaded,
    refused,
)
from moe_viz.ui.widgets.words import memory_text, plain

_BEST = "best"
_DEVICES = {_BEST: "the accelerator, if there is one", "cpu": "the CPU", "auto": "spread over all devices, disk last"}
_DTYPES = (_BEST, "float32", "bfloat16", "float16")
_PACKINGS = {"none": "as stored", "8-bit": "8-bit, with bitsandbytes", "4-bit": "4-bit, with bitsandbytes"}


def load_another() -> None:
    """The one place where a person names a model to replace the one in use."""
    st.markdown("##### Load another model")
    with st.form("load", border=False):
        choice = _choice()
        with st.container(horizontal=True, vertical_alignment="center"):
            asked = st.form_submit_button("Load", type="primary")
            planned = st.form_submit_button("How much memory does it need?")
    if asked:
        begin_loading(choice)
    if planned:
        _say_plan(choice)
    if expected := coming():
        st.info(
            f"Loading {plain(expected)}. {plain(model_name())} stays in use until then.",
            icon=":material/hourglass_top:",
        )
    elif reason := not_loaded():
        st.error(plain(reason), icon=":material/error:")
        st.caption(f"{plain(model_name())} is still in use.")


def _choice() -> ModelChoice:
    """The choice that the form states."""
    label = "Hugging Face hub id, or a local folder"
    if any_may_load():
        name = st.text_input(
            label,
            placeholder="allenai/OLMoE-1B-7B-0924",
            help="Only safetensors are read, and the model's own code is never run.",
        )
    else:
        name = st.selectbox("Model", loadable(), help="The owner of this server decides which models it loads.")
    with st.expander("How"):
        left, right = st.columns(2)
        revision = left.text_input("Revision", placeholder="a branch, tag or commit of a hub model")
        device = right.selectbox("Device", _DEVICES, format_func=lambda key: f"{key}: {_DEVICES[key]}")
        dtype = left.selectbox(
            "Precision", _DTYPES, help="“best” is bfloat16 on an accelerator, and float32 on the CPU if it fits."
        )
        packing = right.selectbox("Weights", _PACKINGS, format_func=_PACKINGS.__getitem__)
        if any_may_load():
            _cached()
    return ModelChoice(
        name.strip() or loadable()[0],
        revision.strip() or None,
        None if device == _BEST else device,
        None if dtype == _BEST else dtype,
        None if packing == "none" else packing,
    )


def _cached() -> None:
    """The models that load without a network."""
    if engine().state == "loading":
        return  # while a model is built in another thread, transformers cannot be imported here
    found = moe_viz.cached_models()
    if not found:
        st.caption("No mixture-of-experts model is in this machine's Hugging Face cache.")
        return
    st.caption("This machine's Hugging Face cache has:")
    for model in found:
        part = "" if model.whole else ", incomplete"
        st.text(f"{model.name} @ {', '.join(model.refs) or model.revision[:12]} ({memory_text(model.size)}{part})")


def _say_plan(choice: ModelChoice) -> None:
    """How much of this machine's memory the model would take."""
    if reason := refused(choice.name):
        st.error(plain(reason), icon=":material/error:")
        return
    with st.spinner("Reading its configuration", show_time=True):
        failure(engine())  # waits: while a model is built in another thread, another cannot be
        try:
            plan = moe_viz.memory_plan(choice.name, **choice.options)
        except moe_viz.MoeVizError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
    said = plain(plan.sentence)
    if plan.cache_per_token is not None:
        said += f" Each token of a text adds {plain(memory_text(plan.cache_per_token))} during generation."
    st.info(f"{plain(choice.name)}: {said}", icon=":material/check:" if plan.fits else ":material/error:")
