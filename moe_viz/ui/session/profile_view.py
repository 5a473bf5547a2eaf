"""The profile that pages of specialization show: which one, what it tells, where it comes from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from moe_viz import demo
from moe_viz.data.scores import Array
from moe_viz.errors import EngineError
from moe_viz.metrics.domains import by_domain, domain_information, estimated_domain_information
from moe_viz.metrics.ordering import Order, coactivation_order
from moe_viz.metrics.repetition import overall_repetition
from moe_viz.metrics.specialists import (
    HeldOut,
    Specialists,
    best_domains,
    find_specialists,
    held_out,
    information_table,
    use_table,
)
from moe_viz.metrics.specialization import MINIMUM_DOCUMENTS
from moe_viz.metrics.tables import expert_table, layer_table, repetition_table
from moe_viz.metrics.token_identity_control import profile_information_given_token
from moe_viz.metrics.tokens import visible
from moe_viz.probes import TITLES, probe_texts
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.ui.session.memory_budget import Evictable
from moe_viz.ui.session.trace_view import bytes_of

PROBES, HELD_OUT = "Probes", "Held-out texts"
RECORDED = {PROBES: demo.PROBES_PROFILE, HELD_OUT: demo.HELD_OUT_PROFILE}
"""The bundled model over the probes, and over texts of its training corpus that it was not trained on."""
Texts = Mapping[str, Sequence[str]]
"""By domain."""
_LONGEST_NAME = 40
_SEED = 0


@dataclass(frozen=True, eq=False)
class ProfileView:
    """A profile and what pages need of it repeatedly, worked out once."""

    profile: ExpertProfile
    origin: Literal["measured", "opened", "recorded"]
    texts: Texts
    """The texts by domain; empty where only the counts are here."""

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
            f"L{site.layer}" if several[site.layer] == 1 else f"L{site.layer} {_last_word(site.name)} {index}"
            for index, site in enumerate(sites)
        )

    @cached_property
    def documents(self) -> np.ndarray:
        """How many documents, or blocks of them, each domain has, `[domain]`."""
        return np.bincount(self.profile.by_document()[1], minlength=len(self.profile.domains))

    @property
    def interval(self) -> bool:
        """Whether documents can be resampled in every domain: without two there is no interval."""
        return bool(self.documents.min() >= 2)

    @property
    def tested(self) -> bool:
        """Whether any domain has enough documents to be told from the others."""
        others = self.documents.sum() - self.documents
        return bool(((self.documents >= MINIMUM_DOCUMENTS) & (others >= MINIMUM_DOCUMENTS)).any())

    @cached_property
    def specialists(self) -> Specialists:
        """Every expert against every domain."""
        return find_specialists(self.profile, np.random.default_rng(_SEED))

    @cached_property
    def uses(self) -> pd.DataFrame:
        """The same, one row per domain and expert, with the difference from the expert's share of all tokens."""
        table = use_table(self.profile, self.specialists)
        overall = self.overall[table["site"], table["expert"]]
        return table.assign(difference_from_overall=table["share"] - overall)

    @cached_property
    def halves(self) -> HeldOut | None:
        """Specialists of one half of the documents, in the other half."""
        return held_out(self.profile, np.random.default_rng(_SEED))

    @cached_property
    def information(self) -> pd.DataFrame:
        """One row per router, in bits."""
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

    @cached_property
    def expert_table(self) -> pd.DataFrame:
        """One row per expert: what it does, and the domain that it serves most."""
        return pd.concat([expert_table(self.profile), best_domains(self.profile, self.specialists)], axis=1)

    @cached_property
    def layer_table(self) -> pd.DataFrame:
        """One row per router: how evenly it spreads the work."""
        return layer_table(self.profile)

    @cached_property
    def repetition(self) -> pd.DataFrame:
        """One row per router: how often neighbouring tokens go to the same experts."""
        return repetition_table(self.profile.sites, overall_repetition(self.profile))

    @cached_property
    def coactivation_order(self) -> Order:
        """Each site's experts, ordered so that experts that take the same tokens are side by side, `[site expert]`."""
        return coactivation_order(self.profile)

    @property
    def bytes(self) -> int:
        """How much memory it takes, with what was worked out from it so far."""
        return sum(map(bytes_of, list(vars(self).values())))

    @property
    def size(self) -> str:
        """The size of its corpus, in words."""
        runs = self.profile.runs
        documents = sum(run.documents for run in runs)
        stopped = "" if self.profile.complete else ", stopped before the end"
        domains = len(self.profile.domains)
        return (
            f"{documents:,} texts of {domains} {'domain' if domains == 1 else 'domains'},"
            f" {int(self.profile.tokens.sum()):,} tokens{stopped}"
        )


class Measured(NamedTuple):
    """A profile that was measured, and what was left out of it."""

    profile: ExpertProfile
    shortened: int
    """How many texts have more tokens than were read."""


class EvictableProfile(Evictable[ProfileView]):
    """A profile on a page, for as long as there is room for it."""

    def file(self) -> bytes:
        """The profile as a `.moeprofile` file. Raises EngineError if it was evicted."""
        if self.view is None:
            raise EngineError("this profile is no longer kept; measure it again")
        return self.view.profile.to_bytes()


def _last_word(path: str) -> str:
    """The last part of a module's path; a file may hold any signs, so letters and digits alone."""
    return "".join(re.findall(r"\w", path.rpartition(".")[2]))[:_LONGEST_NAME]


def recorded(which: str = PROBES) -> ProfileView:
    """One of the bundled model's profiles, shared by all sessions."""
    return _recorded(which)


@st.cache_resource(show_spinner=False)
def _recorded(which: str) -> ProfileView:
    return ProfileView(ExpertProfile.load(RECORDED[which]), "recorded", probe_texts() if which == PROBES else {})
