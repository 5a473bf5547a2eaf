"""Measuring with the model in use: the texts that are added, the profile, and what is said when it fails."""

from __future__ import annotations

import gc
import gzip
import io
import re
import time
from concurrent.futures import Future
from dataclasses import replace

import pandas as pd
import pytest

import moe_viz
from moe_viz.engine.background import Background
from moe_viz.errors import EngineError, InputError
from moe_viz.probes import probe_texts
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.settings import settings
from moe_viz.ui.session import state
from moe_viz.ui.session.profile_view import Measured
from moe_viz.ui.specialization import upload
from moe_viz.ui.specialization.measuring import measure_profile
from moe_viz.ui.specialization.upload import of_folder, pasted, uploaded
from tests.app.steps import clean, until
from tests.app.test_domains import on, said


class Upload(io.BytesIO):
    """As Streamlit hands a file over."""

    def __init__(self, name: str, content: bytes) -> None:
        super().__init__(content)
        self.name = name


@pytest.fixture(scope="module")
def model():
    with moe_viz.load() as loaded:
        yield loaded


class FakeEngine:
    """Does each step with a model at once, up to the first `answered`; after `room` it takes no more."""

    def __init__(self, model, answered: int = 10**6, room: int = 10**6) -> None:
        self.model, self.answered, self.room = model, answered, room
        self.owners: list[str] = []

    def use(self, work, owner: str) -> Future:
        if len(self.owners) >= self.room:
            raise EngineError("this model was unloaded; load it again")
        self.owners.append(owner)
        answer: Future = Future()
        if len(self.owners) <= self.answered:
            answer.set_result(work(self.model))
        return answer


@pytest.fixture
def each_alone(monkeypatch):
    """Each text has its own pass and is counted by itself: one step for the reader, two for each text, two to end."""
    monkeypatch.setattr("moe_viz.corpus.reading.BATCH_TOKENS", 1)
    monkeypatch.setattr("moe_viz.model.running.read_routed.PASS_TOKENS", 0)


def finished(job: Background[Measured]) -> Background[Measured]:
    for _ in range(1000):
        if job.over:
            return job
        time.sleep(0.02)
    raise AssertionError("it never ended")


def assert_same(one: ExpertProfile, other: ExpertProfile) -> None:
    """Two profiles hold the same counts of the same texts."""
    assert one == replace(other, runs=one.runs)


TEXTS = {name: list(probe_texts()[name][:5]) for name in ("python", "poetry", "chess")}
LONG = {"law": [" ".join(probe_texts()["law"]) * 4], "verse": ["", "  ", "a rose"]}


@pytest.mark.parametrize("texts", [TEXTS, LONG])
def test_the_page_measures_the_profile_that_the_library_gives(model, texts, each_alone, monkeypatch):
    """Also of a text that is longer than what the model reads at once."""
    monkeypatch.setattr(
        "moe_viz.ui.specialization.measuring.settings", lambda: replace(settings(), measure_tokens=10**6)
    )
    job = finished(measure_profile(FakeEngine(model), "me", "texts", texts))
    assert job.failure is None
    whole = moe_viz.profile(model, texts)
    assert_same(job.result.profile, whole)
    mine, library = job.result.profile.runs[0], whole.runs[0]
    for name in ("documents", "skipped", "tokens", "complete", "window"):
        assert getattr(mine, name) == getattr(library, name), name
    assert job.result.shortened == 0


def test_what_is_left_out_of_long_texts_is_counted(model, each_alone, monkeypatch):
    monkeypatch.setattr("moe_viz.ui.specialization.measuring.settings", lambda: replace(settings(), measure_tokens=40))
    texts = {"a": ["x = 1", "def f(x):\n    return x\n" * 40], "b": ["the moon " * 300]}
    job = finished(measure_profile(FakeEngine(model), "me", "texts", texts))
    assert job.result.shortened == 2
    assert_same(job.result.profile, moe_viz.profile(model, texts, max_tokens_per_document=40))
    assert job.result.profile.runs[0].max_tokens_per_document == 40


def test_every_step_is_the_owners_and_others_have_their_turn_between_them(model, each_alone):
    engine = FakeEngine(model)
    finished(measure_profile(engine, "me", "texts", TEXTS))
    assert engine.owners == ["me"] * 33


def test_it_stops_and_keeps_what_is_counted_of_every_domain(model, each_alone):
    engine = FakeEngine(model, answered=7)
    job = measure_profile(engine, "me", "texts", TEXTS)
    while job.done < 3:
        time.sleep(0.01)
    assert len(engine.owners) <= 8
    assert job.share == 0.2
    job.stop()
    profile = finished(job).result.profile
    assert profile.runs[0].documents == 3
    assert not profile.complete
    assert set(profile.domains) == set(TEXTS)


def test_it_stops_when_nobody_holds_it(model, each_alone):
    job = measure_profile(FakeEngine(model, answered=1), "me", "texts", TEXTS)
    steps = job._steps
    del job
    gc.collect()
    assert steps.over.wait(5)


def test_a_model_that_goes_away_leaves_what_is_counted(model, each_alone, monkeypatch):
    monkeypatch.setattr("moe_viz.engine.background._PATIENCE", 0.1)
    job = finished(measure_profile(FakeEngine(model, room=11), "me", "texts", TEXTS))
    assert "was unloaded" in job.failure
    assert job.result.profile.runs[0].documents == 5
    assert not job.result.profile.complete


def test_without_text_it_says_so(model):
    job = finished(measure_profile(FakeEngine(model), "me", "texts", {"a": ["", " "]}))
    assert job.result is None
    assert "there is no text" in job.failure


def test_an_error_of_another_kind_is_said_too():
    def work(_steps):
        raise ZeroDivisionError("of the test")

    job = finished(Background(FakeEngine(None), "me", work, total=1, name="counting"))
    assert job.failure == "counting failed (ZeroDivisionError: of the test)"


def test_pasted_texts_are_parted_by_empty_lines():
    assert pasted(" law ", "one\nand on\n\n \ntwo\n") == {"law": ["one\nand on", "two"]}
    with pytest.raises(InputError, match="no name"):
        pasted(" ", "text")
    with pytest.raises(InputError, match="empty"):
        pasted("law", " \n ")


def parquet(texts: list[str]) -> bytes:
    file = io.BytesIO()
    pd.DataFrame({"text": texts}).to_parquet(file)
    return file.getvalue()


def test_files_of_every_kind_are_domains():
    files = [
        Upload("prose.txt", b"one whole text"),
        Upload("code.jsonl", b'{"text": "a = 1"}\n{"text": "b = 2"}\n'),
        Upload("packed.jsonl.gz", gzip.compress(b'{"text": "p"}\n')),
        Upload("sums.csv", b"text\n=1+1\n=2+2\n"),
        Upload("table.parquet", parquet(["t", "u", "v"])),
    ]
    found = uploaded(files)
    assert {name: len(texts) for name, texts in found.items()} == {
        "prose": 1,
        "code": 2,
        "packed": 1,
        "sums": 2,
        "table": 3,
    }
    assert found["sums"] == ["=1+1", "=2+2"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("bad.txt", b"\xff\xfe\x00x", "bad.txt is not UTF-8 text"),
        ("bad.jsonl", b'{"txt": 1}', "bad.jsonl, line 1 has the fields 'txt'"),
        ("bad.jsonl.gz", b"\x1f\x8b broken", "no whole gzip"),
        ("bad.csv", b"a,b\n1,2\n", "expected one called 'text'"),
        ("bad.parquet", b"PAR1 no", "cannot be read as Parquet"),
        ("empty.txt", b"", "these files have no text"),
        ("image.png", b"\x89PNG", "has no text"),
        ("../../outside.txt", b"\xff", "outside.txt is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_gets_a_sentence(name, content, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)) as caught:
        uploaded([Upload(name, content)])
    assert "/tmp" not in str(caught.value)


def test_a_folder_is_read_with_a_domain_a_file_or_folder(tmp_path):
    (tmp_path / "law").mkdir()
    for number in range(3):
        (tmp_path / "law" / f"{number}.txt").write_text(f"text {number}")
    (tmp_path / "verse.jsonl").write_text('{"text": "a rose"}\n' * 2)
    assert {name: len(texts) for name, texts in of_folder(str(tmp_path)).items()} == {"law": 3, "verse": 2}
    for missing in ("", str(tmp_path / "nothing")):
        with pytest.raises(InputError, match="no folder"):
            of_folder(missing)


def press(app, label: str):
    next(button for button in app.button if button.label.startswith(label)).click().run()
    clean(app)


def add(app, name: str, text: str) -> None:
    app.text_input[0].input(name)
    app.text_area[0].input(text)
    press(app, "Add this domain")


def test_two_pasted_domains_are_measured_and_shown_beside_the_recording(app):
    on(app, "domains")
    add(app, "code <b>", "\n\n".join(f"def f{n}(x):\n    return x * {n}" for n in range(6)))
    add(app, "verse", "\n\n".join(f"The moon is {n} and the night is still, the roses sleep" for n in range(6)))
    press(app, "Measure your 2 domains")
    until(app, lambda: state.MEASURED_PROFILE.key in app.session_state)
    app.run()
    clean(app)
    assert "12 texts of 2 domains" in said(app)
    assert "· measured 2" in said(app)
    app.button_group(key="profile").set_value("Probes").run()
    clean(app)
    assert "456 texts of 19 domains" in said(app)


def test_texts_beyond_the_limit_are_left_out_and_the_page_says_so(app):
    on(app, "domains")
    add(app, "law", "a\n\n" * (settings().measure_texts + 7))
    assert f"Of law: only the first {settings().measure_texts} texts are kept." in said(app)
    assert len(app.session_state[state.UPLOADED_TEXTS.key]["law"]) == settings().measure_texts


def test_the_page_says_how_many_texts_were_read_in_part(app, monkeypatch):
    monkeypatch.setattr("moe_viz.ui.specialization.measuring.settings", lambda: replace(settings(), measure_tokens=20))
    on(app, "domains")
    add(app, "code", "\n\n".join(["x = 1", "def f(x):\n    return x\n" * 40, "y = 2"]))
    press(app, "Measure your domain")
    until(app, lambda: state.MEASURED_PROFILE.key in app.session_state)
    assert "1 of the texts that were measured has more than" in said(app)


def test_what_cannot_be_added_is_said_and_loses_nothing(app):
    on(app, "domains")
    add(app, "law", "one text")
    add(app, "", "another")
    assert "the domain has no name" in app.error[0].value.replace("\\", "")
    assert list(app.session_state[state.UPLOADED_TEXTS.key]) == ["law"]


def test_a_server_for_others_reads_no_folder(app, monkeypatch):
    monkeypatch.setattr(upload, "any_may_load", lambda: False)
    on(app, "domains")
    assert app.button_group(key="way to bring").options == ["Paste", "Upload"]
