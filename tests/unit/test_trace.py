"""The core value: what it accepts, what it refuses, and its way to disk and back."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save as save_arrays

from moe_viz import NO_EXPERT, NextTokens, RoutingTrace, Scoring, TraceError, TraceFileError
from moe_viz.data import trace as trace_module
from tests.invented import make_trace
from tests.unit.containers import packed, unpacked

VARIANTS = {
    "plain": {},
    "one token, one site": {"tokens": 1, "sites": 1},
    "no logits": {"logits": False},
    "dropped": {"dropped": 0.4, "top_k": 1},
    "uneven sites": {"experts": [4, 9, 6], "top_k": [1, 3, 2]},
    "sigmoid, bias, groups": {"scoring": Scoring("sigmoid", True, 2.5, (0.0, 0.5) * 4, groups=4, groups_kept=2)},
    "a factor for each expert": {"scoring": Scoring("sqrtsoftplus", True, expert_scale=(0.5, 2.0) * 4)},
    "unknown scoring": {"scoring": None},
}


@pytest.fixture(params=VARIANTS)
def trace(request):
    return make_trace(**VARIANTS[request.param])


def following(count: int) -> NextTokens:
    probabilities = np.tile(np.array([0.5, 0.25], dtype=np.float32), (count, 1))
    return NextTokens(np.arange(2 * count).reshape(count, 2), probabilities, (("\n", "<b>"),) * count)


def test_a_trace_comes_back_from_disk_equal(trace, tmp_path):
    path = tmp_path / "x.moetrace"
    trace.save(path)
    assert RoutingTrace.load(path) == trace


def test_next_tokens_and_strange_texts_come_back(trace):
    count = len(trace)
    strange = ("\0", "\u202e", "👩‍👩‍👧", "<script>", "", "a" * 500, "\n")
    full = dataclasses.replace(trace, tokens=tuple(strange[i % 7] for i in range(count)), next_tokens=following(count))
    assert RoutingTrace.from_bytes(full.to_bytes()) == full
    assert RoutingTrace.from_bytes(full.to_bytes()) != trace


@pytest.mark.parametrize("field", ["token_ids", "expert_ids", "gate_weights", "router_logits", "generated"])
def test_traces_that_differ_in_one_number_are_not_equal(field):
    trace = make_trace(tokens=5, experts=8, top_k=2, sites=2)
    changed = np.array(getattr(trace, field))
    flat = changed.reshape(-1)
    if field == "expert_ids":
        changed[0, 0] = next(i for i in range(8) if i not in changed[0, 0]), changed[0, 0, 1]
    else:
        flat[0] = not flat[0] if changed.dtype == bool else flat[0] + 1
    assert dataclasses.replace(trace, **{field: changed}) != trace


def test_arrays_are_read_only_and_not_the_callers(trace):
    mine = np.array(trace.gate_weights)
    copy = dataclasses.replace(trace, gate_weights=mine)
    mine[:] = 7
    assert copy == trace
    for name in ("token_ids", "generated", "expert_ids", "gate_weights"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(copy, name)[...] = 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": ()}, "at least one token"),
        ({"sites": ()}, "at least one token and one router"),
        ({"token_names": ("a",)}, "token_names has 1 entries for 7 tokens"),
        ({"token_ids": np.zeros(3)}, r"token_ids has shape \(3,\), expected \(7,\)"),
        ({"token_ids": np.full(7, 2**40)}, "do not fit int32"),
        ({"expert_ids": np.full((3, 7, 2), 8)}, "expert_ids from 8 to 8, expected -1 to 7"),
        ({"expert_ids": np.full((3, 7, 2), -2)}, "from -2"),
        ({"expert_ids": np.full((3, 7, 2), NO_EXPERT)}, "must be 0 where"),
        ({"gate_weights": np.full((3, 7, 2), np.nan)}, "not finite"),
        (
            {"router_logits": np.zeros((3, 7, 9))},
            r"router_logits has shape \(3, 7, 9\), expected \(3, 7, 8\)",
        ),
        ({"next_tokens": following(3)}, "next_tokens covers 3 tokens of 7"),
    ],
)
def test_contradictions_are_refused_with_what_was_seen_and_expected(change, message):
    with pytest.raises(TraceError, match=message):
        dataclasses.replace(make_trace(tokens=7, experts=8, top_k=2, sites=3), **change)


def test_an_expert_beyond_a_sites_top_k_is_refused():
    trace = make_trace(experts=[4, 4], top_k=[1, 2], sites=2)
    ids = np.array(trace.expert_ids)
    ids[0, :, 1] = (ids[0, :, 0] + 1) % 4
    with pytest.raises(TraceError, match="has top_k=1, but an expert in a later slot"):
        dataclasses.replace(trace, expert_ids=ids)


def test_the_frame_says_every_choice_once(trace):
    frame = trace.to_frame()
    assert len(frame) == len(trace) * sum(site.top_k for site in trace.sites)
    names = [site.name for site in trace.sites]
    slots = [names.index(name) for name in frame["site"]], frame["position"], frame["slot"]
    np.testing.assert_array_equal(frame["expert"].fillna(NO_EXPERT), trace.expert_ids[slots])
    np.testing.assert_array_equal(frame["gate_weight"], trace.gate_weights[slots])


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(TraceFileError, match="No such file"):
        RoutingTrace.load(tmp_path / "none.moetrace")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", b"\x80\x04\x95 a pickle", b"ARROW1", b"{}"])
def test_foreign_files_are_refused_with_a_reason(content):
    with pytest.raises(TraceFileError, match="not a moe_viz trace: it does not begin like one"):
        RoutingTrace.from_bytes(content)


GOOD = {"format": "moe_viz trace"}


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ([], "its header does not say that it is one"),
        ({"format": "another"}, "its header does not say that it is one"),
        (GOOD | {"version": 9}, "format version 9; this version of moe_viz reads versions 1 to 2"),
        (GOOD, "damaged"),
        (GOOD | {"provenance": {}, "sites": []}, "damaged"),
        (GOOD | {"provenance": {"versions": [], "notes": []}, "next_texts": None, "tokens": [1]}, "no text"),
    ],
)
def test_files_that_are_no_traces_are_refused_with_a_reason(header, reason, version):
    if isinstance(header, dict):
        header = {"version": version, **header}
    with pytest.raises(TraceFileError, match=reason):
        RoutingTrace.from_bytes(packed(header, {}, version))


def test_a_stream_that_holds_something_else_is_refused():
    with pytest.raises(TraceFileError, match="damaged"):
        RoutingTrace.from_bytes(pa.compress(b"not safetensors at all", codec="zstd", asbytes=True))
    with pytest.raises(TraceFileError, match="its header does not say"):
        RoutingTrace.from_bytes(pa.compress(save_arrays({"weights": np.zeros(3)}), codec="zstd", asbytes=True))


def test_a_small_file_cannot_fill_the_memory(monkeypatch):
    monkeypatch.setattr(trace_module, "MAX_BYTES", 2**20)
    bomb = pa.compress(bytes(2**26), codec="zstd", asbytes=True)
    assert len(bomb) < 2**14
    with pytest.raises(TraceFileError, match="grows beyond 1,048,576 bytes when it is decompressed"):
        RoutingTrace.from_bytes(bomb)


@pytest.mark.parametrize("name", ["token_ids", "expert_ids", "gate_weights", "generated"])
def test_a_trace_without_one_of_its_arrays_is_refused(name):
    header, arrays = unpacked(make_trace().to_bytes())
    del arrays[name]
    with pytest.raises(TraceFileError, match="damaged"):
        RoutingTrace.from_bytes(packed(header, arrays))


@pytest.mark.parametrize("name", ["tokens", "sites", "provenance", "next_texts", "version"])
def test_a_trace_without_a_part_of_its_header_is_refused(name):
    header, arrays = unpacked(make_trace().to_bytes())
    del header[name]
    with pytest.raises(TraceFileError, match="damaged"):
        RoutingTrace.from_bytes(packed(header, arrays))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_is_refused_or_harmless_but_never_something_else(data):
    """A damaged file either raises TraceFileError or still is a valid trace."""
    content = bytearray(make_trace(tokens=4).to_bytes())
    if data.draw(st.booleans(), label="cut"):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 8))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        trace = RoutingTrace.from_bytes(bytes(content))
    except TraceFileError:
        return
    assert isinstance(trace, RoutingTrace)
