"""Profiles on the pages: saved, opened again, evicted when there is no room, and no file that breaks a page."""

from __future__ import annotations

import gc
import re
import weakref

import pytest

from moe_viz.probes import probe_texts
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.settings import settings
from moe_viz.ui.session import state
from moe_viz.ui.session.memory_budget import MEMORY_BUDGET, Evictable
from moe_viz.ui.session.profile_view import ProfileView, recorded
from moe_viz.ui.session.trace_view import TraceView
from moe_viz.ui.specialization.profiles import EvictableProfile
from tests.app.steps import clean
from tests.app.test_domains import on, said
from tests.app.test_experts import fold_out
from tests.invented import make_trace
from tests.invented_profile import make_profile
from tests.unit.test_profile_file import changed


def opened(app, content: bytes, page: str = "domains"):
    """The page after a file with this content was opened on it."""
    on(app, page).file_uploader(key="profile file").upload("mine.moeprofile", content).run()
    clean(app)
    return app


def test_what_is_saved_is_opened_as_what_it_was_and_marked(app):
    profile = make_profile(4)
    content = EvictableProfile(ProfileView(profile, "measured", {})).file()
    assert ExpertProfile.from_bytes(content) == profile
    opened(app, content)
    assert app.session_state["profile"] == "Opened"
    assert "24 texts of 4 domains" in said(app)
    assert "· opened from a file; measured 2026" in said(app)
    app.button_group(key="profile").set_value("Probes").run()
    clean(app)
    assert "456 texts of 19 domains" in said(app)
    assert "· recorded 2026" in said(app)


def test_an_opened_profile_has_no_texts_to_show_contexts_from(app):
    fold_out(opened(app, recorded().profile.to_bytes(), "experts"), "contexts")
    assert "this profile holds only counts, and its texts are not here" in said(app)
    assert not any("before" in frame.value for frame in app.dataframe)


def test_a_file_that_is_none_or_too_large_is_said_in_plain_text_and_changes_nothing(app, monkeypatch):
    opened(app, b"PAR1 <b>")
    assert "this is not a moe_viz profile" in app.error[0].value.replace("\\", "")
    assert "mine\\.moeprofile" in app.error[0].value
    assert "456 texts of 19 domains" in said(app)
    monkeypatch.setattr(
        "moe_viz.ui.specialization.profiles.settings",
        lambda: type(settings())(**vars(settings()) | {"results_megabytes": 1}),
    )
    opened(app, recorded().profile.to_bytes())
    assert "grows beyond 125,000 bytes" in app.error[0].value.replace("\\", "")


@pytest.mark.parametrize("page", ["domains", "experts"])
def test_names_from_a_file_are_text_and_only_signs_that_can_be_written(app, page):
    evil = '<img src=x onerror="alert(1)"> [x](javascript:1) \ud800'

    def spoil(header, _arrays):
        for site in header["sites"]:
            site["name"] = f"model.{evil}"
            site["layer"] = 3
        for run in header["runs"]:
            run["corpus"] = evil
            run["provenance"] |= {"model": evil, "revision": evil, "created": evil, "notes": [evil], "device": 7}
        header["token_texts"] = [[token, evil] for token, _text in header["token_texts"]]

    opened(app, changed(spoil), page)
    raw = [element.value for element in [*app.caption, *app.markdown, *app.info]]
    assert any(r"\<img" in text for text in raw)
    assert not any(re.search(r"(?<!\\)(<img|\[x|]\()", text) for text in raw)
    assert app.selectbox(key="layer").options[0] == "L3 imgsrcxonerroralert1xjavascript1 0"


def test_what_was_let_go_is_said_and_the_recorded_one_takes_its_place(app):
    opened(app, make_profile(2).to_bytes())
    app.session_state[state.OPENED_PROFILE.key].evict()
    app.run()
    clean(app)
    assert "no room left for the profile that was opened" in said(app)
    assert "Open its file again" in said(app)
    assert "456 texts of 19 domains" in said(app)


@pytest.mark.parametrize("page", ["domains", "experts"])
def test_profiles_count_in_the_bound_on_results_and_no_page_holds_on_to_one(app, page, monkeypatch):
    opened(app, make_profile(2).to_bytes(), page)
    held = app.session_state[state.OPENED_PROFILE.key]
    assert held.view.bytes > 10**5
    gone = weakref.ref(held.view)
    monkeypatch.setattr(MEMORY_BUDGET, "_most_bytes", lambda: 0)
    MEMORY_BUDGET.touch(Evictable(TraceView(make_trace(), "measured", None)))
    gc.collect()
    assert held.view is None
    assert gone() is None


def test_what_a_profile_holds_and_what_was_worked_out_of_it_count():
    profile = make_profile(3)
    own = ProfileView(profile, "measured", probe_texts())
    bare = ProfileView(profile, "opened", {})
    assert own.bytes - bare.bytes >= sum(len(text) for texts in probe_texts().values() for text in texts)
    before = bare.bytes
    assert bare.specialists is not None
    assert bare.bytes >= before + 5 * bare.specialists.use.nbytes
    tables = [*profile.token_tables, profile.group_table]
    assert before > sum(table.keys.nbytes + table.counts.nbytes for table in tables) + profile.pairs.nbytes
