"""What the sidebar says about the model in use, and about one that is being loaded."""

from __future__ import annotations

import streamlit as st

from moe_viz.engine import Engine
from moe_viz.metrics.rule import rule_words
from moe_viz.model.info import ModelInfo
from moe_viz.ui.page_registry import page_entry
from moe_viz.ui.session.model_in_use import arrived, coming, engine, engine_coming, failure, model_name, stop_loading
from moe_viz.ui.widgets.words import context_text, count_text, facts_html, memory_text, plain, taken_text


def model_sidebar() -> None:
    """The model's facts, and a link to the page where a person chooses another."""
    _facts(0.5 if coming() or engine().state == "loading" else None)
    models = page_entry("models")
    st.page_link(models.file, label="More about it, and other models", icon=models.icon_name)


def _facts(every: float | None) -> None:
    """Draw the facts; update them while a model loads."""

    @st.fragment(run_every=every)
    def facts() -> None:
        if arrived() or (every and not coming() and engine().state != "loading"):
            st.rerun()
        current = engine()
        st.caption("MODEL")
        st.text(model_name())
        if current.state == "loading":
            st.caption("The model is loading. You can already type.")
            _progress(current)
        elif reason := failure(current):
            st.error(plain(reason), icon=":material/error:")
        else:
            st.html(facts_html(model_facts(current.info())))
        if (name := coming()) and (loading := engine_coming()):
            st.caption("LOADING")
            st.text(name)
            _progress(loading)
            st.button("Stop loading", on_click=stop_loading, type="tertiary", icon=":material/close:")

    facts()


def _progress(loading: Engine) -> None:
    """The progress of loading a model."""
    progress = loading.progress
    if progress is None:
        return
    count = ""
    if progress.total is not None:
        numbers = progress.done, progress.total
        of_bytes = progress.stage == "downloading"
        count = " of ".join(memory_text(n) if of_bytes else f"{n:,}" for n in numbers)
    st.progress(progress.done / progress.total if progress.total else 0.0, f"{progress.stage.capitalize()} {count}")


def model_facts(info: ModelInfo) -> dict[str, str]:
    """The model's facts, label by label."""
    decoder = [site for site in info.sites if site.stack == info.sites[0].stack]
    experts = sorted({(site.num_experts, site.top_k) for site in info.sites})
    facts = {
        "routers": f"{len(info.sites)}, in {info.count.layers} layers",
        "experts": ", ".join(f"{count} per layer, top-{k}" for count, k in experts),
        "scoring": rule_words(decoder[0], info.biased[0]),
        "parameters": f"{count_text(info.count.total)}, {count_text(info.count.active)} per token",
        "context": context_text(info.context),
        "runs on": f"{info.provenance.device}, {info.provenance.dtype}",
        "takes": taken_text(info),
        "weights": info.provenance.revision or "no revision known",
    }
    if decoder[0].shared_experts:
        facts["shared"] = f"{decoder[0].shared_experts} expert(s) for every token"
    return facts
