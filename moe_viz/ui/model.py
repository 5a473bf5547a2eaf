"""The model of this session: one engine a name, shared by all sessions."""

from __future__ import annotations

import os

import streamlit as st

import moe_viz
from moe_viz.engine import Engine
from moe_viz.metrics.rule import rule_words
from moe_viz.model.info import ModelInfo
from moe_viz.ui.words import count_text, facts_html

MODELS_KEPT = 2
DEFAULT_MODEL = os.environ.get("MOE_VIZ_MODEL", "demo")


@st.cache_resource(max_entries=MODELS_KEPT, show_spinner=False, on_release=Engine.close)
def _engine(name: str) -> Engine:
    return Engine(lambda: moe_viz.load(name))


def engine() -> Engine:
    """The engine of the session's model; it starts loading when it is first asked for."""
    return _engine(model_name())


def model_name() -> str:
    """What the session's model was asked for by: "demo", a hub id or a folder."""
    name: str = st.session_state.setdefault("model", DEFAULT_MODEL)
    return name


def load(name: str) -> None:
    """Start loading another model; the one in use stays until it is there, or for good if it cannot be had."""
    if _engine(name).state == "failed":
        _engine.clear(name)  # to be tried again
        _engine(name)
    st.session_state["coming"] = name
    st.session_state["not loaded"] = None


def coming() -> str | None:
    """The model that is being loaded to take the place of the one in use."""
    name: str | None = st.session_state.get("coming")
    return name


def not_loaded() -> str | None:
    """Why the last model that was asked for could not be loaded."""
    reason: str | None = st.session_state.get("not loaded")
    return reason


def failure(failed: Engine) -> str | None:
    """Why an engine that no longer loads has no model; None if it has one."""
    try:
        failed.info()
    except moe_viz.MoeVizError as error:
        return str(error)
    return None


def model_sidebar() -> None:
    """What the model is, and the way to the page where another is chosen."""
    _facts(0.5 if coming() or engine().state == "loading" else None)
    st.page_link("pages/models.py", label="All about it, and others to load", icon=":material/hub:")


def _facts(every: float | None) -> None:
    """Draw the facts; while a model loads, look again every so often."""

    @st.fragment(run_every=every)
    def facts() -> None:
        if _arrived() or (every and not coming() and engine().state != "loading"):
            st.rerun()
        current = engine()
        st.caption("MODEL")
        st.text(model_name())
        if current.state == "loading":
            st.caption("Loading. You can type already.")
        elif reason := failure(current):
            st.error(plain(reason), icon=":material/error:")
        else:
            st.html(facts_html(facts_of(current.info())))
        if name := coming():
            st.caption("LOADING")
            st.text(name)

    facts()


def _arrived() -> bool:
    """Whether the model that is waited for is there, or cannot be had. If so it is in use, or the reason is kept."""
    name = coming()
    if name is None or _engine(name).state == "loading":
        return False
    st.session_state["not loaded"] = failure(_engine(name))
    if not_loaded() is None:
        st.session_state["model"] = name
    st.session_state["coming"] = None
    return True


def facts_of(info: ModelInfo) -> dict[str, str]:
    """The model's facts, label by label."""
    decoder = [site for site in info.sites if site.stack == info.sites[0].stack]
    experts = sorted({(site.num_experts, site.top_k) for site in info.sites})
    facts = {
        "routers": f"{len(info.sites)}, in {info.count.layers} layers",
        "experts": ", ".join(f"{count} a layer, top-{k}" for count, k in experts),
        "scoring": rule_words(decoder[0], info.biased[0]),
        "parameters": f"{count_text(info.count.total)}, {count_text(info.count.active)} a token",
        "context": context_text(info.context),
        "runs on": f"{info.provenance.device}, {info.provenance.dtype}",
        "weights": info.provenance.revision or "no revision known",
    }
    if decoder[0].shared_experts:
        facts["shared"] = f"{decoder[0].shared_experts} expert(s) for every token"
    return facts


def context_text(context: int | None) -> str:
    """How much a model reads at once."""
    return f"{context:,} tokens" if context else "no stated limit"


def plain(text: str) -> str:
    """`text` with all that Streamlit's Markdown would interpret escaped: it may quote a person's input."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()<>#+-.!$:|~&" else c for c in text)
