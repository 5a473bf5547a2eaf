"""A file is written whole, or the one that was there stays."""

import errno
import os
import stat
from pathlib import Path

import pytest

from moe_viz.data.write_whole import write_whole
from tests.invented import make_trace
from tests.invented_profile import make_profile

VALUES = {"trace": make_trace, "profile": lambda: make_profile(2)}


@pytest.fixture
def full_disk(monkeypatch):
    def refuse(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)


@pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
def test_on_a_full_disk_the_good_file_stays_and_nothing_is_left(make, tmp_path, full_disk):
    path = tmp_path / "good.file"
    path.write_bytes(b"good")
    with pytest.raises(OSError, match="No space left on device") as caught:
        make().save(path)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"good"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "new", b"content")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "no" / "x.moetrace"
    with pytest.raises(FileNotFoundError) as caught:
        write_whole(path, b"content")
    assert caught.value.filename == str(path)


def test_a_link_is_followed_and_the_file_keeps_its_mode(tmp_path):
    place, link = tmp_path / "place", tmp_path / "link"
    place.write_bytes(b"old")
    place.chmod(0o640)
    link.symlink_to(place)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert place.read_bytes() == b"new"
    assert stat.S_IMODE(place.stat().st_mode) == 0o640


def test_the_longest_name_can_be_written(tmp_path):
    path = tmp_path / ("n" * 255)
    write_whole(path, b"content")
    assert path.read_bytes() == b"content"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_what_is_no_file_is_written_to_as_it_is():
    with pytest.raises(OSError, match="No space left on device"):
        write_whole("/dev/full", b"content")
    assert not Path("/dev/full").is_file()
