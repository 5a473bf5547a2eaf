"""The model of this session: one engine a name, shared by all sessions."""

from __future__ import annotations

import os
from html import escape

import streamlit as st

import moe_viz
from moe_viz.engine import Engine
from moe_viz.model.info import ModelInfo
from moe_viz.trace import RouterSite

MODELS_KEPT = 2
DEFAULT_MODEL = os.environ.get("MOE_VIZ_MODEL", "demo")


@st.cache_resource(max_entries=MODELS_KEPT, show_spinner=False, on_release=Engine.close)
def _engine(name: str) -> Engine:
    return Engine(lambda: moe_viz.load(name))


def engine() -> Engine:
    """The engine of the session's model; it starts loading when it is first asked for."""
    return _engine(st.session_state.setdefault("model", DEFAULT_MODEL))


def model_sidebar() -> None:
    """What the model is, and the way to another one."""
    _facts(0.5 if engine().state == "loading" else None)
    with st.expander("Load another model"), st.form("load", border=False):
        name = st.text_input(
            "Hugging Face hub id, or a local folder",
            placeholder="allenai/OLMoE-1B-7B-0924",
            help="Only safetensors are read, and no code of the model's own is run.",
        )
        if st.form_submit_button("Load"):
            _switch(name.strip() or DEFAULT_MODEL)


def _facts(every: float | None) -> None:
    """Draw the facts; while the model loads, look again every so often."""

    @st.fragment(run_every=every)
    def facts() -> None:
        current = engine()
        if every and current.state != "loading":
            st.rerun()
        st.caption("MODEL")
        st.text(st.session_state["model"])
        if current.state == "loading":
            st.caption("Loading. You can type already.")
        elif current.state == "failed":
            try:
                current.info()
            except moe_viz.MoeVizError as error:
                st.error(plain(str(error)), icon=":material/error:")
        else:
            st.html(_table(facts_of(current.info())))

    facts()


def _switch(name: str) -> None:
    """Take model `name` into use, or say why it cannot be and keep the one before."""
    with st.spinner("Loading the model", show_time=True):
        try:
            _engine(name).info()
        except moe_viz.MoeVizError as error:
            _engine.clear(name)
            st.error(plain(str(error)), icon=":material/error:")
            return
    st.session_state["model"] = name
    st.rerun()


def facts_of(info: ModelInfo) -> dict[str, str]:
    """The model's facts, label by label."""
    decoder = [site for site in info.sites if site.stack == info.sites[0].stack]
    experts = sorted({(site.num_experts, site.top_k) for site in info.sites})
    facts = {
        "routers": f"{len(info.sites)}, in {info.layers} layers",
        "experts": ", ".join(f"{count} a layer, top-{k}" for count, k in experts),
        "scoring": scoring_text(decoder[0]),
        "parameters": f"{count_text(info.parameters)}, {count_text(info.active_parameters)} a token",
        "context": f"{info.context:,} tokens" if info.context else "no stated limit",
        "runs on": f"{info.provenance.device}, {info.provenance.dtype}",
        "weights": info.provenance.revision or "no revision known",
    }
    if decoder[0].shared_experts:
        facts["shared"] = f"{decoder[0].shared_experts} expert(s) for every token"
    return facts


def scoring_text(site: RouterSite) -> str:
    """How a router comes from logits to gating weights, in words."""
    if site.scoring is None:
        return "not recorded for this family"
    steps: list[str] = [site.scoring.function]
    if site.scoring.selection_bias is not None:
        steps.append("+ bias for the choice")
    if site.scoring.groups > 1:
        steps.append(f"best {site.scoring.groups_kept} of {site.scoring.groups} groups")
    steps.append(f"top-{site.top_k}")
    if site.scoring.normalized:
        steps.append("divided by their sum")
    if site.scoring.scale != 1:
        steps.append(f"× {site.scoring.scale:g}")
    return " → ".join(steps)


def count_text(count: int) -> str:
    """A number of weights, to three digits: 12.9 M, 46.7 B."""
    for unit, size in (("B", 10**9), ("M", 10**6), ("K", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return str(count)


def plain(text: str) -> str:
    """`text` with all that Streamlit's Markdown would interpret escaped: it may quote a person's input."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()<>#+-.!$:|~&" else c for c in text)


def _table(facts: dict[str, str]) -> str:
    rows = "".join(
        f"<div style='opacity:.65'>{escape(label)}</div><div>{escape(value)}</div>" for label, value in facts.items()
    )
    style = "display:grid;grid-template-columns:max-content 1fr;gap:.3rem .8rem;font-size:.86rem;overflow-wrap:anywhere"
    return f"<div style='{style}'>{rows}</div>"
