"""The passages that are shipped: enough of each kind, short, each once, plain text."""

import json
import unicodedata

import pytest

from moe_viz.probes import TITLES, probe_texts


def test_there_are_enough_of_every_domain():
    assert len(TITLES) >= 14
    assert tuple(probe_texts()) == tuple(TITLES)
    assert all(len(texts) >= 20 for texts in probe_texts().values())


def test_every_passage_is_there_once():
    every = [text for texts in probe_texts().values() for text in texts]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize("domain", TITLES)
def test_passages_are_short_plain_text(domain):
    for text in probe_texts()[domain]:
        assert 80 <= len(text) <= 700
        assert text == text.strip("\n")
        assert unicodedata.is_normalized("NFC", text)
        assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co") for c in text if c not in "\n\t")


def test_every_passage_of_code_and_data_is_what_it_claims():
    for text in probe_texts()["python"]:
        compile(text, "probe", "exec")
    data = [text for text in probe_texts()["structured_data"] if text.startswith("{")]
    assert len(data) >= 8
    assert all(isinstance(json.loads(text), dict) for text in data)
