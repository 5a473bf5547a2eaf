"""The profile that pages of specialization show: which one, what it tells, where it comes from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import streamlit as st

from moe_viz.metrics.domains import by_domain, domain_information, estimated_domain_information
from moe_viz.metrics.given_token import profile_information_given_token
from moe_viz.metrics.scores import Array
from moe_viz.metrics.specialists import (
    HeldOut,
    Specialists,
    find_specialists,
    held_out,
    information_table,
    use_table,
)
from moe_viz.metrics.specialization import MINIMUM_DOCUMENTS
from moe_viz.metrics.tokens import visible
from moe_viz.probes import TITLES, probe_texts
from moe_viz.profiles.value import ExpertProfile
from moe_viz.ui.measuring import Texts
from moe_viz.ui.model import plain
from moe_viz.ui.shown import origin_text

_DEMO = Path(__file__).parents[1] / "demo"
PROBES, HELD_OUT = "Probes", "Held-out texts"
RECORDED = {PROBES: _DEMO / "probes.moeprofile", HELD_OUT: _DEMO / "heldout.moeprofile"}
"""The bundled model over the probes, and over texts of its training corpus that it never saw."""
_LONGEST_NAME = 40
_SEED = 0


@dataclass(frozen=True, eq=False)
class Profiled:
    """A profile and what pages need of it again and again, worked out once."""

    profile: ExpertProfile
    origin: Literal["measured", "recorded"]
    texts: Texts
    """What it is of; none where the counts alone are here."""

    @cached_property
    def domains(self) -> tuple[int, ...]:
        """The domains in the order in which they are listed, as indices of the profile's."""
        listed = list(TITLES)
        names = self.profile.domains
        return tuple(
            sorted(range(len(names)), key=lambda i: listed.index(names[i]) if names[i] in TITLES else len(listed))
        )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What each of the profile's domains is called, in the profile's order, without signs that would not show."""
        return tuple(TITLES.get(name, visible(name)[:_LONGEST_NAME]) for name in self.profile.domains)

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """What each router is called: L3, or more where a layer has several."""
        sites = self.profile.sites
        several = Counter(site.layer for site in sites)
        return tuple(
            f"L{site.layer}" if several[site.layer] == 1 else f"L{site.layer} {site.name.rpartition('.')[2]} {index}"
            for index, site in enumerate(sites)
        )

    @cached_property
    def documents(self) -> np.ndarray:
        """How many documents, or blocks of them, each domain has, `[domain]`."""
        return np.bincount(self.profile.by_document()[1], minlength=len(self.profile.domains))

    @property
    def interval(self) -> bool:
        """Whether documents can be drawn anew in every domain: without two there is no interval."""
        return bool(self.documents.min() >= 2)

    @property
    def tested(self) -> bool:
        """Whether any domain has documents enough to be told from the others."""
        others = self.documents.sum() - self.documents
        return bool(((self.documents >= MINIMUM_DOCUMENTS) & (others >= MINIMUM_DOCUMENTS)).any())

    @cached_property
    def specialists(self) -> Specialists:
        """Every expert against every domain."""
        return find_specialists(self.profile, np.random.default_rng(_SEED))

    @cached_property
    def uses(self) -> pd.DataFrame:
        """The same, one row a domain and expert."""
        return use_table(self.profile, self.specialists)

    @cached_property
    def halves(self) -> HeldOut | None:
        """Specialists of one half of the documents, in the other half."""
        return held_out(self.profile, np.random.default_rng(_SEED))

    @cached_property
    def information(self) -> pd.DataFrame:
        """One row a router, in bits."""
        rng = np.random.default_rng(_SEED)
        first, labels = self.profile.by_document(first=True)
        return information_table(
            self.profile,
            estimated_domain_information(*self.profile.by_document(), rng),
            domain_information(by_domain(first, labels)),
            profile_information_given_token(self.profile, rng),
        )

    @cached_property
    def overall(self) -> Array:
        """Each expert's share of all tokens, `[site expert]`."""
        return self.profile.counts().sum(axis=0) / self.profile.tokens.sum()

    @property
    def size(self) -> str:
        """How much text it is of."""
        runs = self.profile.runs
        documents = sum(run.documents for run in runs)
        stopped = "" if self.profile.complete else ", stopped before the end"
        domains = len(self.profile.domains)
        return (
            f"{documents:,} texts of {domains} {'domain' if domains == 1 else 'domains'},"
            f" {int(self.profile.tokens.sum()):,} tokens{stopped}"
        )


@st.cache_resource(show_spinner=False)
def recorded(which: str) -> Profiled:
    """One of the bundled model's profiles, for everybody."""
    return Profiled(ExpertProfile.load(RECORDED[which]), "recorded", probe_texts() if which == PROBES else {})


def ask_for_expert(layer: str, expert: int) -> None:
    """Have the next run look at this expert; a callback cannot change the page itself."""
    st.session_state["layer"], st.session_state["expert"] = layer, expert
    st.session_state["to expert"] = True


def go_to_asked_expert() -> None:
    """Go to the Experts page if one was asked for there."""
    st.session_state.setdefault("expert", 0)  # of a key that is new with the page, the address would not hear
    if st.session_state.pop("to expert", False):
        st.switch_page("pages/experts.py")


def choose_layer(profiled: Profiled) -> int:
    """Draw the choice of a layer, which the address keeps. Returns the router's index."""
    layers = profiled.layers
    if st.session_state.get("layer") not in layers:
        st.session_state["layer"] = layers[len(layers) // 2]
    layer = st.selectbox("Layer", layers, key="layer", bind="query-params")
    return layers.index(layer)


def heading(title: str, formula: str, *sentences: str) -> None:
    """A figure's title, and on demand its definition: the formula, its source, the filter in force."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(title)}**", width="content")
        with st.popover("Definition", type="tertiary"):
            st.text(formula)
            for sentence in sentences:
                st.caption(plain(sentence))


def profile_provenance(profiled: Profiled) -> None:
    """Where the numbers come from, under every figure."""
    for run in profiled.profile.runs:
        origin = origin_text(run.provenance, len(profiled.profile.sites), profiled.origin)
        said = f"{run.corpus}: {profiled.size} · {origin}"
        st.caption(plain(" ".join((said, *run.provenance.notes))))
