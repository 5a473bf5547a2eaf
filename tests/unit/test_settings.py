"""The settings file, and environment variables over it."""

from __future__ import annotations

import re

import pytest

import moe_viz
from moe_viz.settings import FILE, read, settings

TEXT = FILE.read_text(encoding="utf-8")


def test_every_setting_is_explained():
    for line in TEXT.splitlines():
        if re.match(r"\w+ =", line):
            assert "  # " in line or " # " in line, line


def test_an_environment_variable_overrides():
    changed = read(TEXT, {"MOE_VIZ_MAX_TOKENS": "12", "MOE_VIZ_MODELS": "a/b, c/d", "MOE_VIZ_ABANDONED_SECONDS": "1.5"})
    assert (changed.max_tokens, changed.models, changed.abandoned_seconds) == (12, ("a/b", "c/d"), 1.5)
    assert changed.max_characters == 12 * 64
    assert read(TEXT, {}).max_tokens == settings().max_tokens == 4096


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MAX_TOKENS", "many", "MOE_VIZ_MAX_TOKENS is 'many'; expected a number such as 4096"),
        ("MAX_TOKENS", "0", "setting max_tokens is 0; expected a number above 0"),
        ("ABANDONED_SECONDS", "nan", "setting abandoned_seconds is nan"),
    ],
)
def test_a_value_that_is_none_is_refused(name, value, message):
    with pytest.raises(moe_viz.InputError, match=message):
        read(TEXT, {f"MOE_VIZ_{name}": value})
