"""Profiles on disk: the same again, and nothing but a clear error for what is none."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moe_viz import ExpertProfile, ProfileFileError
from moe_viz.profiles import profile_file
from moe_viz.profiles.token_table import CELL
from tests.invented import make_trace
from tests.unit.containers import packed, unpacked


def a_profile(tokens: int = 12) -> ExpertProfile:
    traces = [make_trace(tokens=tokens, seed=i, experts=(8, 4), top_k=(2, 1), dropped=0.3) for i in range(5)]
    return ExpertProfile.of_traces({"vers": traces[:2], "prose": traces[2:]})


def test_a_file_gives_the_same_profile_again(tmp_path):
    profile = a_profile()
    profile.save(tmp_path / "x.moeprofile")
    assert ExpertProfile.load(tmp_path / "x.moeprofile") == profile
    assert [path.name for path in tmp_path.iterdir()] == ["x.moeprofile"]


def test_a_cell_without_tokens_and_large_counts_come_back(tmp_path):
    profile = a_profile(tokens=1)
    assert ExpertProfile.from_bytes(profile.to_bytes()) == profile
    assert ExpertProfile.from_bytes(profile.merge(*[profile] * 300).to_bytes()) == profile.merge(*[profile] * 300)


def test_all_that_is_known_of_a_run_comes_back():
    profile = a_profile()
    known = {"corpus": "folder x", "max_tokens_per_document": 7, "window": 64, "skipped": 2, "digest": "ab"}
    run = replace(profile.runs[0], **known, complete=False)
    assert ExpertProfile.from_bytes(replace(profile, runs=(run,)).to_bytes()).runs == (run,)


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "x.moeprofile"
    a_profile().save(path)
    before = path.read_bytes()

    def broken(_descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="disk full"):
        a_profile(tokens=20).save(path)
    assert path.read_bytes() == before


def test_no_file_another_file_and_a_file_that_grows(tmp_path, monkeypatch):
    with pytest.raises(ProfileFileError, match="No such file"):
        ExpertProfile.load(tmp_path / "nothing")
    with pytest.raises(ProfileFileError, match="not a moe_viz profile: it does not begin like one"):
        ExpertProfile.from_bytes(b"PAR1 or whatever")
    make_trace().save(tmp_path / "x.moetrace")
    with pytest.raises(ProfileFileError, match="its header does not say that it is one"):
        ExpertProfile.load(tmp_path / "x.moetrace")
    monkeypatch.setattr(profile_file, "MAX_BYTES", 2**20)
    with pytest.raises(ProfileFileError, match="grows beyond 1,048,576 bytes when it is decompressed"):
        ExpertProfile.from_bytes(pa.compress(bytes(2**21), codec="zstd", asbytes=True))


def changed(change) -> bytes:
    """A profile's file with its arrays and header changed, packed again."""
    header, arrays = unpacked(a_profile().to_bytes())
    change(header, arrays)
    return packed(header, arrays)


def beyond_its_cell(arrays) -> None:
    """Move the first cell's last token to where the next cell begins: the keys rise all the same."""
    last, steps = arrays["input.sizes"][0] - 1, arrays["input.steps"].astype(np.int64)
    steps[last] += CELL - steps[: last + 1].sum()
    arrays["input.steps"] = steps


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda h, a: h.update(version=9), "version 9; this version of moe_viz reads versions 1 to 2"),
        (lambda h, a: h.update(groups=h["groups"][::-1]), "must be sorted"),
        (lambda h, a: h.update(runs=[]), "at least one router, one domain and one run"),
        (lambda h, a: h["sites"][0].update(num_experts=10**9), "is int64 .*, expected"),
        (lambda h, a: h["sites"][0].update(top_k=0), "at least one expert, and choose at least one"),
        (lambda h, a: h["sites"][0].update(layer="<b>"), "damaged"),
        (lambda h, a: h["runs"][0].update(documents="<b>"), "damaged"),
        (lambda h, a: a.update(tokens=a["tokens"] * np.uint8(0)), "a domain has no token"),
        (lambda h, a: h.update(capacities=[1] * 4), "capacity of 1"),
        (lambda h, a: h.update(capacities=[99]), "damaged"),
        (lambda h, a: a.pop("pairs"), "damaged"),
        (lambda h, a: a.update(more=a["pairs"]), "damaged"),
        (lambda h, a: a.update(pairs=a["pairs"].astype(np.float64)), "does not fit"),
        (lambda h, a: a.update(tokens=a["tokens"] + np.uint8(1)), "do not add up to the groups' tokens"),
        (lambda h, a: a.update(neighbours=-a["neighbours"].astype(np.int64)), "count below 0"),
        (lambda h, a: a.update(block_group=a["block_group"][::-1].copy()), "sorted by group and key"),
        (lambda h, a: a.update({"input.sizes": a["input.sizes"] + np.uint8(1)}), "tokens by cell, but"),
        (lambda h, a: a.update({"next.steps": a["next.steps"].astype(np.int64) - 10**6}), "token ids from -|must rise"),
        (lambda h, a: beyond_its_cell(a), f"token ids from 0 to {CELL}"),
        (lambda h, a: a.update(occurrences=a["occurrences"][:, :5].copy()), "but only 5 are counted"),
    ],
)
def test_what_contradicts_itself_is_refused(change, reason):
    with pytest.raises(ProfileFileError, match=reason):
        ExpertProfile.from_bytes(changed(change))


CONTENT = a_profile().to_bytes()


@settings(max_examples=200)
@given(st.integers(0, len(CONTENT) - 1), st.integers(0, 255), st.booleans())
def test_damage_is_an_error_or_leaves_a_valid_profile(position, byte, cut):
    damaged = CONTENT[:position] if cut else CONTENT[:position] + bytes([byte]) + CONTENT[position + 1 :]
    with suppress(ProfileFileError):
        assert isinstance(ExpertProfile.from_bytes(damaged), ExpertProfile)
