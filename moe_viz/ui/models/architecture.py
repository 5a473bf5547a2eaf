"""One model, or two beside each other: its layers drawn, where its weights sit, its facts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import streamlit as st

from moe_viz.figures import captions
from moe_viz.figures.shares import shares
from moe_viz.figures.topology import topology
from moe_viz.metrics.topology import kinds_of_layer, topology_table
from moe_viz.model.info import Architecture
from moe_viz.model.sizes.parameter_count import ParameterCount
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.numbers import folded_tables
from moe_viz.ui.widgets.words import count_text, facts_html, memory_text, plain

_DTYPES = {
    "float32": "in float32",
    "bfloat16": "in bfloat16",
    "int8": "at 8 bits, without the scales",
    "int4": "at 4 bits, without the scales",
}
"""The number formats for which the page says how much memory all weights would take, each with its name."""


@dataclass(frozen=True)
class Portrait:
    """A model as the page shows it."""

    key: str
    """Distinguishes the elements of one portrait on a page from another's."""
    name: str
    architecture: Architecture
    facts: dict[str, str]
    notes: tuple[str, ...]
    source: str
    """Where its numbers come from."""

    @property
    def count(self) -> ParameterCount:
        return self.architecture.count

    @cached_property
    def layers(self) -> pd.DataFrame:
        """One row per router, or per layer without one."""
        return topology_table(self.architecture.sites, self.architecture.biased, self.count.stacks)

    @property
    def several_routers(self) -> bool:
        """Whether a layer has more than one."""
        return bool(self.layers.duplicated(["stack", "layer"]).any())

    @cached_property
    def weights(self) -> pd.DataFrame:
        """One row per part of the model: part, weights, always, chosen, one_token."""
        rows = pd.DataFrame({"part": list(self.count.parts), "weights": list(self.count.parts.values())})
        routed = rows["part"] == "routed experts"
        rows["always"] = rows["weights"].where(~routed, 0)
        rows["chosen"] = routed * self.count.routed_per_token
        return rows.assign(one_token=rows["always"] + rows["chosen"])


def portraits(*shown: Portrait) -> None:
    """Draw one model, or two with the same parts side by side."""
    if len(shown) == 1:
        _headline(shown[0])
        left, right = st.columns([1.5, 1], gap="large")
        with left:
            _layers(shown[0])
            _facts(shown[0])
        with right:
            _weights(shown[0])
        return
    for column, portrait in zip(st.columns(2, gap="large"), shown, strict=True):
        with column:
            _headline(portrait)
            _weights(portrait)  # of one height, so that the two stand level
            _layers(portrait)
            _facts(portrait)


def _headline(portrait: Portrait) -> None:
    st.markdown(f"##### {plain(portrait.name)}")
    with st.container(horizontal=True, gap="medium", key=f"headline {portrait.key}"):
        for label, value in captions.weights_in_numbers(portrait.weights).items():
            st.metric(label, f"{value:.1%}" if isinstance(value, float) else count_text(value), width="content")


def _layers(portrait: Portrait) -> None:
    st.markdown("**Layers and experts**")
    kinds = _kinds(portrait)
    said = "; ".join(f"{layers}: {words}" for layers, words in kinds.items())
    name = f"layers-{portrait.key}"
    drawn = chart(topology, portrait.layers, name=name, key=f"layers {portrait.key}", alt=said)
    reading = "Each row is a layer, the first at the top"
    if portrait.several_routers:
        reading = "Each row is a router, and a layer has several; the first layer is at the top"
    if portrait.architecture.sites:
        reading += (
            "; each cell is one of its experts. The number of filled cells is the number of experts that one token"
            " uses; which ones, the router decides for each token"
        )
    st.caption(f"{reading}.")
    st.html(facts_html(kinds))
    folded_tables(drawn)


def _kinds(portrait: Portrait) -> dict[str, str]:
    """What each kind of layer contains, in words."""
    named = ["stack"] if portrait.layers["stack"].nunique() > 1 else []
    named += ["part"] if portrait.several_routers else []
    kinds = {}
    for row in kinds_of_layer(portrait.layers).to_dict("records"):
        label = " ".join([*(row[name] for name in named), "layers" if row["count"] > 1 else "layer", row["layers"]])
        kinds[label] = f"{row['words']}. {row['rule']}" if row["routed"] else row["words"]
    return kinds


def _weights(portrait: Portrait) -> None:
    count = portrait.count
    st.markdown("**Where the weights sit**")
    parts = {"all weights": count.total} | count.parts
    labels = [f"{part}  {count_text(weights) if weights else '–'}" for part, weights in parts.items()]
    drawn = chart(
        shares,
        portrait.weights,
        name=f"weights-{portrait.key}",
        key=f"weights {portrait.key}",
        alt=", ".join(labels),
        labels=labels,
    )
    reading = (
        "Each bar is a part's share of all weights: what every token uses, what a router chose for one token, and"
        " what this token leaves idle. A token reads one row of the input embeddings, but all rows count."
    )
    if count.tied:
        reading += " The output head is the table of the input embeddings and is counted there."
    st.caption(reading)
    memory = {f"memory {name}": memory_text(count.bytes(dtype)) for dtype, name in _DTYPES.items()}
    st.html(facts_html({"per token, without input embeddings": count_text(count.active_without_embeddings)} | memory))
    folded_tables(drawn)


def _facts(portrait: Portrait) -> None:
    st.html(facts_html(portrait.facts))
    st.caption(plain(" ".join((portrait.source, *portrait.notes))))
