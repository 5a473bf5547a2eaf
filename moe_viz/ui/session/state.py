"""All entries of a session's state, each with its key and its type. No other file names `st.session_state`.

The keys of widgets are here where a page reads or sets the widget's value, or where the address keeps it.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import streamlit as st

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from moe_viz.data.expert_outputs import ExpertOutputs
    from moe_viz.data.trace import RoutingTrace
    from moe_viz.engine.background import Background
    from moe_viz.lessons.live import Run
    from moe_viz.lessons.small_moe import Balancing
    from moe_viz.ui.session.model_choice import ModelChoice
    from moe_viz.ui.session.predict_round import Round
    from moe_viz.ui.session.profile_view import EvictableProfile, Measured, ProfileView, Texts
    from moe_viz.ui.session.scene import OpenedLink
    from moe_viz.ui.session.text_session import TextSession
    from moe_viz.ui.session.trace_view import TraceView

Value = TypeVar("Value")


@dataclass(frozen=True)
class Entry(Generic[Value]):
    """One entry of the state."""

    key: str

    def get(self) -> Value | None:
        """Its value; None if there is none."""
        value: Value | None = st.session_state.get(self.key)
        return value

    def set(self, value: Value | None) -> None:
        """Set its value; None means that there is none."""
        st.session_state[self.key] = value

    def get_or_set(self, value: Value) -> Value:
        """Its value; if there is none, it becomes `value`."""
        if self.get() is None:
            self.set(value)
        held = self.get()
        assert held is not None
        return held

    def pop(self) -> Value | None:
        """Its value, which is then removed."""
        value: Value | None = st.session_state.pop(self.key, None)
        return value


@dataclass(frozen=True)
class EntryFor(Generic[Value]):
    """Entries of one kind, one for each name that the key takes."""

    template: str

    def of(self, *names: object) -> Entry[Value]:
        """The entry for these names."""
        return Entry(self.template.format(*names))


# The model.
MODEL: Entry[ModelChoice] = Entry("model")
LOADING_MODEL: Entry[ModelChoice] = Entry("loading model")
"""The model that is to replace the model in use."""
LOADING_FAILURE: Entry[str] = Entry("loading failure")

# The text that is looked at, and its trace.
SESSION: Entry[TextSession] = Entry("session")
TEXT: Entry[str] = Entry("text")
EXAMPLE_TURNS: Entry[dict[str, int]] = Entry("example turns")
"""By kind of text, how many of its passages were taken."""
MORE_KINDS: Entry[str] = Entry("more kinds")
TRACE_FILE: Entry[UploadedFile] = Entry("trace file")
SELECTED_CELL: Entry[tuple[weakref.ref[TraceView], tuple[int, int]]] = Entry("selected cell")
"""The router and the expert that were clicked, and in whose heatmap."""
TO_ATLAS: Entry[int] = Entry("to atlas")
ASKED_EXPERT: Entry[tuple[str, int]] = Entry("asked expert")
"""The layer and the expert that the Experts page is asked to show, until it shows them."""
TO_ROUTING: Entry[bool] = Entry("to routing page")
"""Whether the next run is to go to the Routing page."""

# Links.
OPENED_LINK: Entry[OpenedLink] = Entry("opened link")
CARRIED: Entry[dict[str, Any]] = Entry("carried")
"""What the page adds to a link to it."""
LINKS_MADE: Entry[int] = Entry("links made")
LINK_MADE: Entry[dict[str, Any]] = Entry("link made")
STORED_TEXT: Entry[tuple[str, str]] = Entry("stored text")
"""The text that was last stored for a link, and its name."""

# Profiles.
MEASURED_PROFILE: Entry[EvictableProfile] = Entry("measured profile")
OPENED_PROFILE: Entry[EvictableProfile] = Entry("opened profile")
MEASURING: Entry[Background[Measured]] = Entry("measuring")
TEXTS_BEING_MEASURED: Entry[Texts] = Entry("texts being measured")
TEXTS_SHORTENED: Entry[int] = Entry("texts shortened")
"""How many of the texts measured last have more tokens than were read."""
MEASURING_FAILURE: Entry[str] = Entry("measuring failure")
PROFILE_FILE: Entry[UploadedFile] = Entry("profile file")
PROFILE_FILE_FAILURE: Entry[str] = Entry("profile file failure")
UPLOADED_TEXTS: Entry[dict[str, list[str]]] = Entry("uploaded texts")
PASSAGES_READ: Entry[tuple[weakref.ref[ProfileView], str, tuple[tuple[str, RoutingTrace], ...]]] = Entry(
    "passages read"
)
"""The passages that were read last, with their domain and profile."""
READING_OUTPUTS: Entry[Background[ExpertOutputs]] = Entry("reading outputs")
EXPERT_OUTPUTS: Entry[ExpertOutputs] = Entry("expert outputs")
OUTPUTS_FAILURE: Entry[str] = Entry("outputs failure")

# Lessons and questions.
LESSON: Entry[str] = Entry("lesson")
TRAININGS: Entry[dict[Balancing, Run]] = Entry("trainings")
"""The last training of the small model with each kind of balancing."""
TRAINING_SEED: Entry[int] = Entry("training seed")
SPECIALISE_SHOWN: Entry[bool] = Entry("specialise shown")
ROUND: Entry[Round] = Entry("predict round")
PREDICT_TEXT: Entry[str] = Entry("predict asked text")
"""The person's own text that the questions are about."""
CAPACITY_TEXT: EntryFor[str] = EntryFor("batch of {}")

# How pages look.
PICTURE_FORMAT: Entry[str] = Entry("picture format")
PRESENTING: Entry[bool] = Entry("presenting")

# Widgets whose values the address keeps.
LAYER: Entry[str] = Entry("layer")
EXPERT: Entry[int] = Entry("expert")
TOGETHER_WITH: Entry[list[int]] = Entry("with")
EXPERT_ORDER: Entry[str] = Entry("order")
PROFILE: Entry[str] = Entry("profile")
LAYERS_OF: Entry[str] = Entry("of")
CELL_OF_LAYERS: Entry[str] = Entry("heatmap view")
CELL_OF_DOMAINS: Entry[str] = Entry("cell of domains")
CELL_OF_PAIRS: Entry[str] = Entry("cell of pairs")
TOKEN_VIEW: Entry[str] = Entry("token view")
CONTEXTS: Entry[bool] = Entry("contexts")
CONTEXT_DOMAIN: EntryFor[int] = EntryFor("context domain {} {}")
NUMBERS: EntryFor[bool] = EntryFor("numbers {}")
NEW_TOKENS: Entry[int] = Entry("new tokens")
TEMPERATURE: Entry[float] = Entry("temperature")
TOP_P: Entry[float] = Entry("top-p")
SEED: Entry[int] = Entry("seed")
CHAT: Entry[bool] = Entry("chat")
LOOK_AT: Entry[str] = Entry("look")
BESIDE: Entry[str] = Entry("beside")
MEASURE: Entry[str] = Entry("measure")
AFTER: Entry[int] = Entry("after")
WATCHED_TEXT: Entry[int] = Entry("watched text")
RUN: Entry[str] = Entry("run")
TERM: Entry[str] = Entry("term")
BALANCE_KIND: Entry[str] = Entry("balance_kind")
BALANCE_STRENGTH: Entry[float] = Entry("balance_strength")
BATCH_KIND: Entry[str] = Entry("batch_kind")
BATCH_MODEL: Entry[str] = Entry("batch_model")
BATCH_TOKENS: Entry[int] = Entry("batch_tokens")
CAPACITY_KIND: Entry[str] = Entry("capacity_kind")
CAPACITY_FACTOR: Entry[float] = Entry("capacity_factor")
CAPACITY_LAYER: EntryFor[int] = EntryFor("layer of {}")
DESIGN: Entry[str] = Entry("design")
DESIGN_MODEL: EntryFor[str] = EntryFor("design_{}")
DESIGN_BESIDE: EntryFor[str] = EntryFor("beside_{}")
DESIGN_CUT: Entry[int] = Entry("design_cut")
HASH_TOKEN: Entry[int] = Entry("hash_token")
HASH_LAYER: Entry[str] = Entry("hash_layer")
LEARNED_PLAY: Entry[bool] = Entry("learned_play")
LEARNED_AFTER: Entry[int] = Entry("learned_after")
LEARNED_MEASURE: Entry[str] = Entry("learned_measure")
MEMORY_MODEL: Entry[str] = Entry("memory_model")
MEMORY_PRECISION: Entry[str] = Entry("memory_precision")
MEMORY_SPEED: Entry[int] = Entry("memory_speed")
SIZES_MODEL: Entry[str] = Entry("sizes_model")
SIZES_EXPERTS: EntryFor[int] = EntryFor("experts of {}")
SIZES_TOP_K: EntryFor[int] = EntryFor("k of {}")
SIZES_WIDTH: EntryFor[float] = EntryFor("width of {}")
ROUTER_TOKEN: Entry[int] = Entry("router_token")
ROUTER_LAYER: Entry[int] = Entry("router_layer")
ROUTER_K: Entry[int] = Entry("router_k")
ROUTER_BIAS: Entry[float] = Entry("router_bias")
SPECIALISE_STORY: Entry[str] = Entry("specialise_story")


# What was selected in a chart or a table.
HEATMAP: Entry[Any] = Entry("heatmap")
DOMAINS_LARGE: Entry[Any] = Entry("domains large")
DOMAINS_SMALL: Entry[Any] = Entry("domains small")
SPECIALISTS: Entry[Any] = Entry("specialists")
LOADS: Entry[Any] = Entry("loads")
OTHER_EXPERTS: EntryFor[Any] = EntryFor("{} {} {}")
CONTEXT_ROWS: EntryFor[Any] = EntryFor("context rows {} {}")
PAIRS: Entry[Any] = Entry("pairs")
FLOW: Entry[Any] = Entry("flow")
PATHS: Entry[Any] = Entry("paths")
SIZES: Entry[Any] = Entry("sizes")


def selected_points(chart: Entry[Any]) -> list[dict[str, Any]]:
    """The points that were clicked in a chart, as Plotly gives them."""
    points: list[dict[str, Any]] = st.session_state[chart.key].selection.points
    return points


def selected_rows(table: Entry[Any]) -> list[int]:
    """The rows that were selected in a table."""
    rows: list[int] = st.session_state[table.key].selection.rows
    return rows


def widget_value(key: str) -> object:
    """The value of a widget that an address names; None if there is no such widget on the page."""
    return st.session_state.get(key)
