"""Texts of links: found by their name alone, and gone when there are too many, too much, or too old."""

from __future__ import annotations

import threading

import pytest

import moe_viz
from moe_viz.ui.session.stored_texts import Limits, StoredTexts


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def stored(texts=3, size=100, seconds=60.0) -> tuple[StoredTexts, Clock]:
    clock = Clock()
    return StoredTexts(lambda: Limits(texts, size, seconds), clock), clock


def test_a_text_is_found_by_its_name_alone():
    kept, _ = stored()
    name, other = kept.keep("春眠不觉晓 \0"), kept.keep("another")
    assert kept.get(name) == "春眠不觉晓 \0"
    assert kept.get(other) == "another"
    assert kept.get(name[:-1]) is None
    assert kept.get("") is None


def test_the_same_text_has_a_new_name_each_time_of_128_random_bits():
    kept, _ = stored(texts=200, size=10**6)
    names = {kept.keep("the same") for _ in range(200)}
    assert len(names) == 200
    assert min(map(len, names)) >= 22


def test_the_oldest_go_first():
    kept, _ = stored(texts=3)
    names = [kept.keep(str(n)) for n in range(5)]
    assert [kept.get(name) for name in names] == [None, None, "2", "3", "4"]


def test_all_texts_together_take_no_more_than_they_may():
    kept, _ = stored(texts=100, size=100)
    names = []
    for n in range(5):
        names.append(kept.keep("é" * 20))  # 40 bytes
        assert [kept.get(name) is not None for name in names] == [False] * (n - 1) + [True] * min(n + 1, 2)


def test_a_text_that_fits_nowhere_is_refused_and_nothing_is_lost():
    kept, _ = stored(size=100)
    name = kept.keep("small")
    with pytest.raises(moe_viz.InputError, match="takes 101 bytes; a link's may take 100"):
        kept.keep("x" * 101)
    assert kept.get(name) == "small"


def test_a_text_is_gone_after_its_time():
    kept, clock = stored(seconds=60)
    early = kept.keep("early")
    clock.now = 50
    late = kept.keep("late")
    clock.now = 61
    assert kept.get(early) is None
    assert kept.get(late) == "late"


def test_many_threads_may_keep_texts():
    kept, _ = stored(texts=50, size=10**6)
    lost = []

    def keep(number: int) -> None:
        for n in range(100):
            text = f"{number} {n}"
            if kept.get(kept.keep(text)) not in {text, None}:
                lost.append(text)

    threads = [threading.Thread(target=keep, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not lost
    assert len(kept._kept) == 50
