"""The part of the Models page about well-known models: an overview, and one or two in detail."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pandas as pd
import psutil
import streamlit as st

from moe_viz.catalogue import KnownModel, find_model, known_models
from moe_viz.figures.catalogue import total_against_active
from moe_viz.model.info import Architecture, architecture
from moe_viz.ui.models.architecture import Portrait, portraits
from moe_viz.ui.models.catalogue_table import COLUMNS, catalogue_table, difference
from moe_viz.ui.models.loaded_model import loaded_portrait
from moe_viz.ui.session import state
from moe_viz.ui.session.model_choice import ModelChoice
from moe_viz.ui.session.model_in_use import begin_loading, coming, engine, failure, model_name, refused
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.numbers import Tables, folded_tables
from moe_viz.ui.widgets.words import context_text, count_text, memory_text, plain

_NAMES = [model.name for model in known_models()]
_FIRST = "Mixtral 8x7B"
_NONE, _LOADED = "no other", "the loaded model"


@st.cache_resource(show_spinner=False)
def _builds() -> dict[str, Future[Architecture]]:
    """Every open model's architecture, by its name: built from its config one after the other, once per server."""
    worker = ThreadPoolExecutor(1, thread_name_prefix="moe_viz-catalogue")
    worker.submit(failure, engine())  # waits: transformers cannot be imported by two threads at once
    return {model.name: worker.submit(architecture, model.config) for model in known_models() if model.config}


def well_known() -> None:
    """An overview of well-known models, then the chosen ones."""
    st.markdown("##### Well-known models")
    glance = st.container()
    look, beside = _choice()
    built = {name: build.result() for name, build in _builds().items() if build.done()}
    with glance:
        drawn: Tables = {}
        if len(built) == len(_builds()):
            drawn = _sizes(built, {look, beside})
        else:
            _wait()
        table = catalogue_table(known_models(), built)
        st.dataframe(table, hide_index=True, column_config=COLUMNS, height="content", placeholder="–", key="catalogue")
        st.caption(
            "Weights in billions. Published: as its makers state it, or, if they do not, as its checkpoint has it."
            " Counted: by building its layers from its configuration, without any weights. Makers count what a token"
            " uses with or without the input embeddings, and the difference compares the same way of counting."
        )
        folded_tables({"catalogue": lambda: table} | drawn)
    _details(look, beside, built)


def _wait() -> None:
    @st.fragment(run_every=0.5)
    def waiting() -> None:
        builds = _builds().values()
        left = sum(not build.done() for build in builds)
        if not left:
            st.rerun()
        st.caption(f"Counting {len(builds)} models from their configurations; {left} to go. This happens only once.")

    waiting()


def _sizes(built: dict[str, Architecture], marked: set[str]) -> Tables:
    """All open models by size; a click on a point chooses its model. Returns the table that is drawn."""
    known = [model for model in known_models() if model.name in built]
    table = pd.DataFrame(
        {
            "name": [model.name for model in known],
            "organisation": [model.organisation for model in known],
            "released": [model.released for model in known],
            "total": [built[model.name].count.total for model in known],
            "active": [built[model.name].count.active for model in known],
            "routed": [bool(built[model.name].sites) for model in known],
        }
    )

    def choose() -> None:
        for point in state.selected_points(state.SIZES):
            state.LOOK_AT.set(point["customdata"][0])

    drawn = chart(
        total_against_active,
        table,
        name="sizes",
        key=state.SIZES.key,
        on_select=choose,
        alt="Weights in all against weights that one token uses; the table below has the numbers",
        marked=marked,
    )
    st.caption(
        "Further right: more weights to hold in memory. Further up: more weights to read for each token. A dense"
        " model lies on the line; the more of its weights are idle, the further a mixture of experts lies below it."
        " The weights are counted, including input embeddings. Click a point to see its layers. Closed models publish"
        " no sizes and are not shown."
    )
    return drawn


def _choice() -> tuple[str, str]:
    """The model to look at, and a second one beside it; the address keeps both."""
    left, right = st.columns(2)
    with left:
        look = st.selectbox("Look at", _NAMES, index=_NAMES.index(_FIRST), key=state.LOOK_AT.key, bind="query-params")
    with right:
        beside = st.selectbox("Beside it", [_NONE, _LOADED, *_NAMES], key=state.BESIDE.key, bind="query-params")
    return str(look), str(beside)


def _details(look: str, beside: str, built: dict[str, Architecture]) -> None:
    model = find_model(look)
    assert model is not None
    _offer(model, built.get(look))
    shown = [_portrait(model, built[look], "look")] if look in built else []
    other = find_model(beside)
    if beside == _LOADED:
        shown += filter(None, [loaded_portrait("beside")])
    elif other is not None and other.kind == "closed":
        _closed(other)
    elif other is not None and beside in built:
        shown.append(_portrait(other, built[beside], "beside"))
    if shown:
        portraits(*shown)


def _offer(model: KnownModel, built: Architecture | None) -> None:
    """Draw the button that loads a model, or the reason why it cannot be loaded."""
    if model.kind == "closed":
        _closed(model)
    elif model.kind == "dense":
        st.caption(f"{plain(model.note)} There is no reason to load it here.")
    elif model.hub_id in (model_name(), coming()):
        st.caption("This is the loaded model." if model.hub_id == model_name() else "It is being loaded.")
    elif model.hub_id is not None and built is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            reason = refused(model.hub_id)
            choice = (ModelChoice(model.hub_id),)
            st.button("Load it", key="load it", on_click=begin_loading, args=choice, disabled=bool(reason), help=reason)
            st.caption(_memory(built), width="stretch")


def _memory(built: Architecture) -> str:
    sizes = " in bfloat16, ".join(memory_text(built.count.bytes(dtype)) for dtype in ("bfloat16", "float32"))
    free = memory_text(psutil.virtual_memory().available)
    return (
        f"Its weights take {sizes} in float32, and are downloaded from the Hugging Face hub. This machine has {free} of"
        " free main memory."
    )


def _closed(model: KnownModel) -> None:
    with st.container(border=True):
        st.markdown(
            f"**{plain(model.name)} is closed:** it has no weights to load, no router to look at, no confirmed figures."
        )
        st.markdown(plain(f"{model.note} Source: {model.source}."))


def _portrait(model: KnownModel, built: Architecture, key: str) -> Portrait:
    count = built.count
    facts = {
        "made by": f"{model.organisation}, {model.released}",
        "licence": model.licence or "not known",
        "context": context_text(model.context),
        "hub id": model.hub_id or "none",
        "published": _published(model),
        "counted": f"{count_text(count.total)}, {count_text(count.active)} per token"
        + (f", {count_text(count.active_without_embeddings)} without input embeddings" if built.sites else ""),
    }
    if (off := difference(model, count)) is not None:
        facts["difference"] = f"{off:+.1%} against the published number per token, counted as its makers do"
    return Portrait(
        key, model.name, built, facts, (model.note,) if model.note else (), "Counted from its configuration alone."
    )


def _published(model: KnownModel) -> str:
    sizes = [f"{model.total:g} B"] if model.total else []
    sizes += [f"{model.active:g} B per token"] if model.active else []
    by = "" if model.confirmed else ", partly not from its makers"
    return f"{', '.join(sizes)} ({model.source}{by})"
