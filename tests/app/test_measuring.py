"""Measuring with the model in use: what is brought, what comes of it, what is said when it cannot."""

from __future__ import annotations

import gc
import gzip
import io
import re
import time
from concurrent.futures import Future

import pandas as pd
import pytest

from moe_viz.errors import EngineError, InputError
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.settings import settings
from moe_viz.ui.specialization import upload
from moe_viz.ui.specialization.measuring import CHARACTERS, Measuring
from moe_viz.ui.specialization.upload import EACH, of_folder, pasted, uploaded
from tests.app.steps import clean, until
from tests.app.test_domains import on, said
from tests.invented import make_trace


class Upload(io.BytesIO):
    """As Streamlit hands a file over."""

    def __init__(self, name: str, content: bytes) -> None:
        super().__init__(content)
        self.name = name


class FakeEngine:
    """Answers each text with a trace of its own; texts longer than `most` characters cannot be read."""

    state = "ready"

    def __init__(self, most: int = 10**6, hold: bool = False, room: int = 10**6) -> None:
        self.most, self.hold, self.room = most, hold, room
        self.taken: list[tuple[str, str]] = []

    def submit(self, text: str, owner: str) -> Future:
        if len(self.taken) >= self.room:
            raise EngineError("this model was unloaded; load it again")
        self.taken.append((text, owner))
        answer: Future = Future()
        if len(text) > self.most or not text.strip():
            answer.set_exception(InputError("too long, or empty"))
        elif not self.hold or len(self.taken) <= 3:
            answer.set_result(make_trace(tokens=10, generated=0, seed=hash(text) % 2**32))
        return answer


def finished(measuring: Measuring) -> Measuring:
    for _ in range(400):
        if measuring.over:
            return measuring
        time.sleep(0.02)
    raise AssertionError("it never ended")


def test_every_text_is_counted_once_in_its_domain():
    texts = {"a": [f"text {n}" for n in range(50)], "b": ["one", "  ", "two"]}
    engine = FakeEngine()
    own = finished(Measuring(engine, "me", "texts", texts))
    assert own.error is None
    assert {owner for _text, owner in engine.taken} == {"me"}
    profile = own.profile
    assert dict(zip(profile.domains, profile.tokens_by_domain(), strict=True)) == {"a": 500, "b": 20}
    run = profile.runs[0]
    assert (run.documents, run.skipped, run.tokens, run.complete) == (52, 1, 520, True)
    whole = ExpertProfile.of_traces(
        {
            domain: [make_trace(tokens=10, generated=0, seed=hash(t) % 2**32) for t in own if t.strip()]
            for domain, own in texts.items()
        }
    )
    assert (profile.selections == whole.selections).all()
    assert (profile.block_key == whole.block_key).all()


def test_a_text_that_is_too_long_is_read_as_far_as_it_can_be():
    engine = FakeEngine(most=300)
    own = finished(Measuring(engine, "me", "texts", {"a": ["x" * 10_000]}))
    assert [len(text) for text, _owner in engine.taken] == [CHARACTERS, 2000, 1000, 500, 250]
    assert own.profile.runs[0].documents == 1


def test_it_stops_and_keeps_what_is_counted():
    engine = FakeEngine(hold=True)
    own = Measuring(engine, "me", "texts", {"a": [f"text {n}" for n in range(50)]})
    while own.done < 3:
        time.sleep(0.01)
    assert len(engine.taken) <= 3 + settings().session_requests // 2
    own.stop()
    finished(own)
    assert own.profile.runs[0].documents == 3
    assert not own.profile.complete


def test_what_is_stopped_early_has_something_of_every_domain():
    own = Measuring(FakeEngine(hold=True), "me", "texts", {name: [f"{name} {n}" for n in range(9)] for name in "abc"})
    while own.done < 3:
        time.sleep(0.01)
    own.stop()
    assert finished(own).profile.domains == ("a", "b", "c")


def test_it_stops_when_nobody_holds_it():
    own = Measuring(FakeEngine(hold=True), "me", "texts", {"a": [f"text {n}" for n in range(50)]})
    work = own._work
    del own
    gc.collect()
    assert work.over.wait(5)


def test_a_model_that_goes_away_leaves_what_is_counted(monkeypatch):
    monkeypatch.setattr("moe_viz.ui.specialization.measuring._PATIENCE", 0.1)
    own = finished(Measuring(FakeEngine(room=5), "me", "texts", {"a": [f"text {n}" for n in range(50)]}))
    assert "was unloaded" in own.error
    assert own.profile.runs[0].documents == 5
    assert not own.profile.complete


def test_without_text_it_says_so():
    own = finished(Measuring(FakeEngine(), "me", "texts", {"a": ["", " "]}))
    assert own.profile is None
    assert "there is no text" in own.error


def test_pasted_texts_are_parted_by_empty_lines():
    assert pasted(" law ", "one\nand on\n\n \ntwo\n") == {"law": ["one\nand on", "two"]}
    assert len(pasted("x", "a\n\n" * 1000)["x"]) == EACH
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
        ("empty.txt", b"", "no text in it"),
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
    until(app, lambda: "measured" in app.session_state)
    app.run()
    clean(app)
    assert "12 texts of 2 domains" in said(app)
    assert "· measured 2" in said(app)
    app.button_group(key="profile").set_value("Probes").run()
    clean(app)
    assert "456 texts of 19 domains" in said(app)


def test_what_cannot_be_added_is_said_and_loses_nothing(app):
    on(app, "domains")
    add(app, "law", "one text")
    add(app, "", "another")
    assert "the domain has no name" in app.error[0].value.replace("\\", "")
    assert list(app.session_state["uploaded texts"]) == ["law"]


def test_a_server_for_others_reads_no_folder(app, monkeypatch):
    monkeypatch.setattr(upload, "any_may_load", lambda: False)
    on(app, "domains")
    assert app.button_group(key="way to bring").options == ["Paste", "Upload"]
