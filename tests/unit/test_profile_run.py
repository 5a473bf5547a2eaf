"""A corpus run: every document once, even if it is stopped, and however often it is continued."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import moe_viz
from moe_viz import ExpertProfile, InputError, Provenance, RouterSite, Scoring
from moe_viz.corpus import measure as measuring
from moe_viz.corpus import profile as profiling
from moe_viz.corpus import reading
from moe_viz.corpus.document import Corpus, in_turn
from moe_viz.corpus.measure import measure
from moe_viz.corpus.profile import Progress
from moe_viz.corpus.reading import CorpusReader
from moe_viz.data.routing import Routing
from moe_viz.model.running import read_routed as reader
from moe_viz.profiles import profile_file

SITES = tuple(RouterSite(f"layers.{i}", i, 4, 2, scoring=Scoring("softmax", True)) for i in range(2))
TEXTS = {
    "verse": [f"line {i} " * (1 + i % 5) for i in range(14)],
    "code": ["", *(f"x{i} = {i}" * (i + 1) for i in range(9)), "  \n"],
}


class CharacterTokenizer:
    is_fast = False

    def __call__(self, text: str, verbose: bool) -> dict[str, list[int]]:
        return {"input_ids": [ord(c) % 97 for c in text]}

    def decode(self, ids: list[int], skip_special_tokens: bool) -> str:
        return f"token {ids[0]}"


class StandIn:
    """A model whose routing of a token follows from the token and its position."""

    batches = True

    def __init__(self, context: int | None = 16, revision: str = "1") -> None:
        self.tokenizer: CharacterTokenizer | None = CharacterTokenizer()
        self.context = context
        self.revision = revision

    def provenance(self) -> Provenance:
        return Provenance("stand-in", self.revision, "none", "float32", "none", "tests", (), "2026-01-01T00:00:00")


def read(_model: StandIn, windows: Sequence[np.ndarray]) -> list[Routing]:
    found = []
    for ids in windows:
        seen = np.random.default_rng(ids).normal(size=(2, len(ids), 4)).astype(np.float32)
        order = np.argsort(-seen, axis=-1)[..., :2].astype(np.int16)
        weights = np.exp(np.take_along_axis(seen, order, axis=-1))
        predicted = (ids + 1) % 97
        found.append(
            Routing(ids, np.zeros(len(ids), bool), order, weights / weights.sum(-1, keepdims=True), seen, predicted)
        )
    return found


@pytest.fixture(autouse=True)
def small_batches() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reader, "read_routed", read)
        patched.setattr(reader, "passes", lambda _model, windows: [[*range(len(windows))]])
        patched.setattr(reader, "routed_sites", lambda _model: SITES)
        patched.setattr(reading, "BATCH_TOKENS", 30)
        patched.setattr(profiling, "SAVE_SECONDS", 0.0)
        yield patched


def test_documents_are_read_in_windows_of_the_context():
    profile = moe_viz.profile(StandIn(), TEXTS)
    lengths = {domain: [len(text) for text in texts if text.strip()] for domain, texts in TEXTS.items()}
    assert profile.domains == ("code", "verse")
    assert profile.tokens_by_domain().tolist() == [sum(lengths["code"]), sum(lengths["verse"])]
    windows = [sum(-(-length // 16) for length in lengths[domain]) for domain in profile.domains]
    np.testing.assert_array_equal(profile.neighbours[:, 0], profile.tokens - windows)
    assert profile.block_documents.sum() == 14 + 9
    [of] = profile.runs
    assert (of.documents, of.skipped, of.tokens, of.window, of.complete) == (23, 2, profile.tokens.sum(), 16, True)
    assert of.corpus == "texts of 2 domains"
    assert profile.token_texts == {i: f"token {i}" for i in np.flatnonzero(profile.occurrences.any(axis=0)).tolist()}


def test_documents_can_be_cut():
    profile = moe_viz.profile(StandIn(None), TEXTS, max_tokens_per_document=7)
    assert profile.tokens.tolist() == [sum(min(7, len(t)) for t in TEXTS[d] if t.strip()) for d in ("code", "verse")]
    with pytest.raises(InputError, match="expected 1 or more"):
        moe_viz.profile(StandIn(), TEXTS, max_tokens_per_document=0)


def test_how_the_documents_are_batched_does_not_matter(small_batches):
    whole = moe_viz.profile(StandIn(), TEXTS)
    for size, pending in ((1, 0), (5, 0), (10**6, 10**9)):
        small_batches.setattr(reading, "BATCH_TOKENS", size)
        small_batches.setattr(measuring, "PENDING_BYTES", pending)
        assert moe_viz.profile(StandIn(), TEXTS) == whole


def test_steps_in_turn_with_others_give_the_same_profile(small_batches):
    """As a page measures: a text of each domain in turn, other people's work between any two passes."""
    small_batches.setattr(reader, "passes", lambda _model, windows: [[row] for row in reversed(range(len(windows)))])
    of = CorpusReader(StandIn())
    steps, seen = measure(of, Corpus("texts of 2 domains", in_turn(TEXTS))), []
    for now in steps:
        seen.append(now)
        read(StandIn(), [np.array([1, 2])])  # somebody else's
    windows = sum(-(-len(text) // 16) for texts in TEXTS.values() for text in texts if text.strip())
    assert len(seen) > windows
    assert [now.run.documents for now in seen] == sorted(now.run.documents for now in seen)
    whole = moe_viz.profile(StandIn(), TEXTS)
    mine = seen[-1].profile(of)
    assert mine.complete
    assert replace(mine, runs=whole.runs) == whole
    assert replace(mine.runs[0], digest="") == replace(whole.runs[0], digest="")
    early = next(now for now in seen if now.run.documents)
    assert early.profile(of).domains == ("code", "verse")
    with pytest.raises(InputError, match="there is no text in it"):
        seen[0].profile(of)


def test_a_model_without_a_stated_context_reads_a_document_whole():
    whole = moe_viz.profile(StandIn(context=None), TEXTS)
    assert whole.runs[0].window is None
    longest = max(len(text) for texts in TEXTS.values() for text in texts)
    np.testing.assert_array_equal(whole.selections, moe_viz.profile(StandIn(context=longest), TEXTS).selections)


class Killed(BaseException):
    pass


KILLS = st.tuples(st.integers(1, 25), st.sampled_from(["read", "save", "progress"]), st.booleans())


@settings(max_examples=20)
@given(
    kills=st.lists(
        st.tuples(st.integers(1, 25), st.sampled_from(["read", "save", "progress"]), st.booleans()), max_size=3
    )
)
def test_whatever_stops_a_run_nothing_is_lost_or_counted_twice(kills, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "x.moeprofile"
    for calls, where, hard in kills:
        with pytest.MonkeyPatch.context() as patched, suppress(Killed):
            moe_viz.profile(StandIn(), TEXTS, out=out, progress=killing(patched, calls, where, hard))
    whole = moe_viz.profile(StandIn(), TEXTS)
    assert moe_viz.profile(StandIn(), TEXTS, out=out) == whole == ExpertProfile.load(out)


def killing(patched: pytest.MonkeyPatch, calls: int, where: str, hard: bool) -> Callable[[Progress], None]:
    """Stop at the call number `calls` of what `where` names; if `hard`, nothing is written from then on."""
    left, dead = Counter({where: calls}), []

    def count(name: str) -> None:
        left[name] -= 1
        if name == where and left[name] == 0:
            dead.append(hard)
            raise Killed

    def routing(model: StandIn, windows: Sequence[np.ndarray]) -> list[Routing]:
        count("read")
        return read(model, windows)

    def writing(profile: ExpertProfile) -> bytes:
        if any(dead):
            raise Killed
        count("save")
        return write(profile)

    write = profile_file.write
    patched.setattr(reader, "read_routed", routing)
    patched.setattr(profile_file, "write", writing)
    return lambda _progress: count("progress")


def test_a_run_can_be_stopped_and_kept_and_gone_on_with(tmp_path):
    asked = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) >= 3

    out = tmp_path / "x.moeprofile"
    part = moe_viz.profile(StandIn(), TEXTS, out=out, stop=stop)
    assert not part.complete
    assert 0 < part.tokens.sum() < 200
    assert ExpertProfile.load(out) == part
    whole = moe_viz.profile(StandIn(), TEXTS, out=out)
    assert whole.complete
    assert whole == moe_viz.profile(StandIn(), TEXTS)
    asked.clear()
    assert moe_viz.profile(StandIn(), TEXTS, stop=stop) == part  # without a file too


def test_ctrl_c_keeps_what_is_done(tmp_path, small_batches):
    calls = iter([False] * 4 + [True])

    def interrupted(model: StandIn, windows: Sequence[np.ndarray]) -> list[Routing]:
        if next(calls):
            raise KeyboardInterrupt
        return read(model, windows)

    small_batches.setattr(reader, "read_routed", interrupted)
    small_batches.setattr(profiling, "SAVE_SECONDS", 1e9)
    with pytest.raises(KeyboardInterrupt):
        moe_viz.profile(StandIn(), TEXTS, out=tmp_path / "x.moeprofile")
    assert ExpertProfile.load(tmp_path / "x.moeprofile").runs[0].documents > 3


def test_a_complete_run_reads_only_what_was_added(tmp_path, small_batches):
    out = tmp_path / "x.moeprofile"
    moe_viz.profile(StandIn(), TEXTS, out=out)
    longer = {**TEXTS, "code": [*TEXTS["code"], "print(1)"]}
    assert moe_viz.profile(StandIn(), longer, out=out) == moe_viz.profile(StandIn(), longer)


@pytest.mark.parametrize(
    ("model", "corpus", "cut", "sentence"),
    [
        (StandIn(), {"verse": ["another"], "code": []}, None, "these documents have changed since"),
        (StandIn(), {"verse": TEXTS["verse"][:3], "code": []}, None, "these documents have changed since"),
        (StandIn(), {"a": [], "b": [], **TEXTS}, None, "this run is not a part of it"),
        (StandIn(), TEXTS, 5, "this run is not a part of it"),
        (StandIn(revision="2"), TEXTS, None, "this run is not a part of it"),
        (StandIn(context=8), TEXTS, None, "this run is not a part of it"),
    ],
)
def test_another_run_does_not_touch_the_file(model, corpus, cut, sentence, tmp_path):
    out = tmp_path / "x.moeprofile"
    moe_viz.profile(StandIn(), TEXTS, out=out)
    before = out.read_bytes()
    with pytest.raises(InputError, match=sentence):
        moe_viz.profile(model, corpus, out=out, max_tokens_per_document=cut)
    assert out.read_bytes() == before


def test_progress_says_how_far_it_is():
    seen: list[Progress] = []
    moe_viz.profile(StandIn(), TEXTS, progress=seen.append)
    assert [p.documents for p in seen] == sorted(p.documents for p in seen)
    assert seen[-1].share == 1
    assert seen[-1].remaining == 0
    assert seen[0].remaining is None
    assert all(p.tokens_per_second > 0 for p in seen)
    unknown: list[Progress] = []
    moe_viz.profile(StandIn(), {"a": iter(["text", "more"])}, progress=unknown.append)
    assert unknown[-1].share is None


def test_a_corpus_without_text_and_a_model_without_tokenizer():
    with pytest.raises(InputError, match="there is no text in it"):
        moe_viz.profile(StandIn(), {"a": ["", " "]})
    model = StandIn()
    model.tokenizer = None
    with pytest.raises(InputError, match="without a tokenizer"):
        moe_viz.profile(model, TEXTS)


def test_a_lone_surrogate_is_read():
    assert moe_viz.profile(StandIn(), {"a": ["a\ud800b"]}).tokens.tolist() == [3]


def test_runs_of_two_shards_are_the_run_of_both():
    shards = [{"verse": TEXTS["verse"][i::2], "code": TEXTS["code"][i::2]} for i in range(2)]
    parts = [moe_viz.profile(StandIn(), shard) for shard in shards]
    whole = moe_viz.profile(StandIn(), TEXTS)
    assert replace(parts[0].merge(parts[1]), runs=whole.runs) == whole
