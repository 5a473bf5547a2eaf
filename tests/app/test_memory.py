"""What was evicted is gone: no page, callback or fragment holds on to what the session showed."""

from __future__ import annotations

import gc
import weakref

import pytest

from moe_viz.lessons.recorded import recording
from moe_viz.ui.learn.recordings import _RECORDINGS, recordings
from moe_viz.ui.page_registry import PAGES, page_entry
from moe_viz.ui.session import state
from moe_viz.ui.session.memory_budget import MemoryBudget
from moe_viz.ui.session.profile_view import EvictableProfile, ProfileView
from moe_viz.ui.session.text_session import TextSession
from moe_viz.ui.session.trace_view import TraceView
from tests.app.steps import clean
from tests.invented import make_trace
from tests.invented_profile import make_profile

LAYERS = page_entry("layers").file


@pytest.mark.parametrize(("page", "of"), [*((page.file, None) for page in PAGES), (LAYERS, "A whole profile")])
def test_what_a_page_has_shown_is_gone_once_it_is_evicted(app, page, of):
    app.session_state[state.SESSION.key] = text = TextSession()
    text.show(TraceView(make_trace(), "opened", None), None)
    profile = make_profile(2)
    app.session_state[state.OPENED_PROFILE.key] = held = EvictableProfile(
        ProfileView(profile, "opened", {domain: ["a text"] for domain in profile.domains})
    )
    del profile
    app.session_state[state.PROFILE.key] = "Opened"
    app.session_state[state.CONTEXTS.key] = True
    app.run().switch_page(page).run()
    if of is not None:
        app.button_group(key=state.LAYERS_OF.key).set_value(of).run()
    app.run()
    clean(app)
    views = {"trace": weakref.ref(text.view), "profile": weakref.ref(held.view)}
    text.evict()
    held.evict()
    gc.collect()
    assert [name for name, view in views.items() if view() is not None] == []


def test_the_recordings_of_the_training_are_one_and_counted(app, monkeypatch):
    app.query_params["lesson"] = "memory"
    app.run().switch_page("pages/learn.py").run()
    clean(app)
    assert [one.lapse for one in recordings()] == [recording("balanced"), recording("unbalanced")]
    assert _RECORDINGS.view is not None
    assert _RECORDINGS.view.bytes >= sum(one.lapse.expert_ids.nbytes for one in recordings())
    lapse = weakref.ref(recordings()[0].lapse)
    budget = MemoryBudget(lambda: 10)
    other = EvictableProfile(ProfileView(make_profile(1), "opened", {}))
    budget.touch(_RECORDINGS)
    budget.touch(other)
    gc.collect()
    assert lapse() is None
    assert len(recordings()) == 2
