"""Settings of all tests."""

import os
from itertools import chain, groupby, zip_longest
from pathlib import Path

import pytest
from hypothesis import settings

# The same cases on every run and on a slow machine, and nothing left in the working tree.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

BROWSER = Path(__file__).parent / "browser"


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores, at most four: while one waits for its browser, another computes."""
    return min(4, (os.cpu_count() or 1) + 1)


def pytest_collection_modifyitems(items: list) -> None:
    """A file that drives a browser, then one that does not: the longest come first, and seldom at the same time."""
    files = [(path, list(group)) for path, group in groupby(items, key=lambda item: item.path)]
    driving = [group for path, group in files if path.is_relative_to(BROWSER)]
    for item in chain.from_iterable(driving):  # a busy machine may miss a moment; the report counts what ran twice
        item.add_marker(pytest.mark.flaky(reruns=1))
    others = [group for path, group in files if not path.is_relative_to(BROWSER)]
    items[:] = chain.from_iterable(chain.from_iterable(zip_longest(driving, others, fillvalue=[])))
