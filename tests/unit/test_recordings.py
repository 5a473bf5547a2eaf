"""Recordings on disk: where others can read them, bounded, and nothing but a clear error for what is none."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from moe_viz import ExpertOutputs
from moe_viz.data import expert_outputs, npz
from moe_viz.data.npz import read_npz
from moe_viz.errors import RecordingError, RecordingFileError
from tests.invented import make_trace
from tests.unit.containers import packed, unpacked

OLD = Path(__file__).parents[1] / "files" / "0.3.0"
NPZ = (OLD / "outputs.npz").read_bytes()


@pytest.fixture
def outputs() -> ExpertOutputs:
    return ExpertOutputs.load(OLD / "outputs.npz")


def test_what_an_old_file_held_comes_back_from_a_new_one(outputs, tmp_path):
    outputs.save(tmp_path / "x.moeoutputs")
    assert ExpertOutputs.load(tmp_path / "x.moeoutputs") == outputs


def test_other_tools_read_the_header_without_the_library(tmp_path):
    trace = make_trace()
    trace.save(tmp_path / "x.moetrace")
    data = pa.input_stream(str(tmp_path / "x.moetrace"), compression="zstd").read()
    (tmp_path / "x.safetensors").write_bytes(data)
    with safe_open(tmp_path / "x.safetensors", "numpy") as opened:
        header = json.loads(opened.metadata()["moe_viz"])
        np.testing.assert_array_equal(opened.get_tensor("expert_ids"), trace.expert_ids)
        assert "header" not in opened.keys()  # noqa: SIM118 - it is no mapping
    assert (header["format"], header["version"]) == ("moe_viz trace", 2)
    assert header["sites"][1]["name"] == trace.sites[1].name
    assert header["tokens"] == list(trace.tokens)
    assert trace.to_bytes() == trace.to_bytes()


def test_contradictions_are_refused(outputs, tmp_path):
    outputs.save(tmp_path / "x")
    header, arrays = unpacked((tmp_path / "x").read_bytes())
    for name in arrays:
        (tmp_path / "y").write_bytes(packed(header, {**arrays, name: arrays[name][:, :1]}))
        with pytest.raises(RecordingFileError, match=r"contradicts itself: \w+ has shape"):
            ExpertOutputs.load(tmp_path / "y")
    (tmp_path / "y").write_bytes(packed({**header, "sites": []}, arrays))
    with pytest.raises(RecordingFileError, match="at least one router"):
        ExpertOutputs.load(tmp_path / "y")
    with pytest.raises(RecordingError, match="at least one router"):
        ExpertOutputs(**{**vars(outputs), "sites": ()})


def test_another_file_is_refused(tmp_path):
    make_trace().save(tmp_path / "x.moetrace")
    with pytest.raises(RecordingFileError, match="its header does not say that it is one"):
        ExpertOutputs.load(tmp_path / "x.moetrace")
    with pytest.raises(RecordingFileError, match="is damaged"):
        ExpertOutputs.load(OLD / "training.npz")
    with pytest.raises(RecordingFileError, match="No such file"):
        ExpertOutputs.load(tmp_path / "nothing")


def archive(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(f"{name}.npy", content)
    return file.getvalue()


def npy(array: np.ndarray, **header: object) -> bytes:
    """An array as `.npy`, with a header that may claim something else."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array) | header)
    return file.getvalue() + array.tobytes()


def test_numpy_and_the_bounded_reader_agree():
    with np.load(io.BytesIO(NPZ)) as theirs:
        mine = read_npz(NPZ, 10**6)
        assert set(mine) == set(theirs.files)
        for name, array in mine.items():
            np.testing.assert_array_equal(array, theirs[name])
            assert array.dtype == theirs[name].dtype
    columns = np.asfortranarray(np.arange(6).reshape(2, 3))
    file = io.BytesIO()
    np.savez_compressed(file, a=columns, empty=np.zeros((0, 3)))
    np.testing.assert_array_equal(read_npz(file.getvalue(), 10**6)["a"], columns)
    assert read_npz(file.getvalue(), 10**6)["empty"].shape == (0, 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (archive(a=npy(np.zeros(10**6))), "grows beyond 1,000,000 bytes"),
        (archive(**{f"a{i}": npy(np.zeros(50_000)) for i in range(3)}), "grows beyond 1,000,000 bytes"),
        (archive(a=npy(np.zeros(3), shape=(10**12,))), r"shape \(1000000000000,\) in 24 bytes"),
        (archive(a=npy(np.zeros(1), descr="|O")), "array of objects"),
        (archive(a=b"no array"), "magic"),
        (NPZ[:-40], "no whole archive"),
    ],
)
def test_an_npz_is_bounded_and_never_a_pickle(content, reason):
    with pytest.raises(ValueError, match=reason):
        read_npz(content, 10**6)


def test_a_small_file_cannot_fill_the_memory(monkeypatch, tmp_path):
    monkeypatch.setattr(expert_outputs, "MAX_BYTES", 2**20)
    for content in (pa.compress(bytes(2**24), codec="zstd", asbytes=True), archive(a=npy(np.zeros(2**21)))):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(RecordingFileError, match="grows beyond 1,048,576 bytes when it is decompressed"):
            ExpertOutputs.load(tmp_path / "x")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(NPZ) - 1), st.integers(0, 255), st.booleans())
def test_damage_is_an_error_or_leaves_valid_outputs(tmp_path_factory, position, byte, cut):
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(NPZ[:position] if cut else NPZ[:position] + bytes([byte]) + NPZ[position + 1 :])
    with suppress(RecordingFileError):
        assert isinstance(ExpertOutputs.load(path), ExpertOutputs)


def test_the_old_reader_is_told_by_how_the_file_begins():
    assert npz.is_npz(NPZ)
    assert not npz.is_npz(b"\x28\xb5\x2f\xfd")
