"""What the lessons say: every text is used, every number comes from code and is worked out again here."""

import re
from pathlib import Path
from string import Formatter

import numpy as np
import pytest

from moe_viz.lessons import scoring
from moe_viz.lessons.texts import Check, _catalogue, lessons
from tests.unit.imports import brought_in

ROOT = Path(__file__).parents[2]
SOURCES = {path.stem: path.read_text() for path in (ROOT / "moe_viz" / "ui" / "learn" / "lessons").glob("*.py")}
PARTS = {
    name: "".join(SOURCES[part] for part in re.findall(r"from moe_viz\.ui\.learn\.lessons\.(\w+) import", source))
    for name, source in SOURCES.items()
}
"""The sources of what each lesson takes from beside it."""
SHARED = (ROOT / "moe_viz" / "ui" / "learn" / "lesson_page.py").read_text() + "".join(SOURCES.values())
NAMED = "|".join(
    (
        r"8×7B",
        "“7B”",
        "0 is even",
        "16 bits",
        "1 by definition",
        r"DeepSeek-V\d",
        "Mixtral 8x7B",
        "Qwen3",
        r"\*\*\d+\.",
        "100 %",
        "4 groups",
        "best 2 groups",
        r"add up to 1\b",
        r"not to 1\b",
        r"arXiv \d{4}\.\d{5}",
    )
)
"""Digits that are part of a name or of a definition."""
EXPERIMENTS = "".join(path.read_text() for path in (ROOT / "moe_viz" / "lessons").glob("*.py"))


@pytest.mark.parametrize("name", list(lessons()))
def test_every_sentence_of_a_lesson_is_said_and_nothing_else_is(name):
    keys = set(lessons()[name].sentences)
    assert {key for key in keys if f'"{key}"' not in SOURCES[name] + PARTS[name] + EXPERIMENTS} == set()
    assert set(re.findall(r'lesson\.say\(\s*"(\w+)"', SOURCES[name] + PARTS[name])) <= keys


def test_every_common_sentence_is_used():
    assert {key for key in _catalogue()["common"] if f'"{key}"' not in SHARED} == set()


@pytest.mark.parametrize("name", list(lessons()))
def test_no_number_that_is_measured_is_written_into_a_sentence(name):
    """Digits stand in a sentence where they are part of a name, and otherwise come from code."""
    for sentence in lessons()[name].sentences.values():
        plain = "".join(text for text, *_ in Formatter().parse(sentence))
        assert not re.findall(r"\d+", re.sub(NAMED, "", plain)), sentence


def test_a_check_without_a_reason_for_each_answer_is_refused():
    with pytest.raises(ValueError, match="a reason for each answer"):
        Check("?", ("a", "b"), 1, ("because",))
    with pytest.raises(ValueError, match="`right`"):
        Check("?", ("a", "b"), 2, ("because", "why"))


def test_the_catalogue_is_read_without_torch_and_without_figures():
    heavy = {"torch", "transformers", "streamlit", "plotly"}
    assert brought_in("moe_viz.lessons.texts, moe_viz.lessons.one_token, moe_viz.lessons.sizes", ROOT) & heavy == set()


LOGITS = np.array([2.0, -1.0, 0.5, 3.0, 0.0, 1.0, -2.0, 0.2, 2.5, 0.1, -0.3, 0.7, 1.2, -1.5, 0.4, 2.2])


def row(name, k=2, bias=0.0):
    names = [rule.name for rule in scoring.RULES]
    return scoring.side_by_side(LOGITS, k, bias)[names.index(name)]


@pytest.mark.parametrize("k", [1, 2, 4, 8])
def test_rules_by_hand(k):
    best = sorted(range(16), key=lambda e: -LOGITS[e])[:k]
    powers = {e: np.exp(LOGITS[e]) for e in range(16)}
    for expert in range(16):
        inside = expert in best
        share = powers[expert] / sum(powers.values())
        assert row("rule_softmax", k)[expert] == pytest.approx(share * inside)
        divided = powers[expert] / sum(powers[e] for e in best) * inside
        assert row("rule_divided", k)[expert] == pytest.approx(divided)
        assert row("rule_chosen_first", k)[expert] == pytest.approx(divided)
        sigmoid = {e: 1 / (1 + np.exp(-LOGITS[e])) for e in best}
        assert row("rule_sigmoid", k)[expert] == pytest.approx(sigmoid.get(expert, 0) / sum(sigmoid.values()))


def test_the_bias_counts_for_the_choice_alone():
    pushed, needed = scoring.best_left_out(LOGITS, 2), scoring.bias_needed(LOGITS, 2)
    assert pushed == 15
    assert row("rule_bias", bias=needed - 0.001)[pushed] == 0
    little, much = row("rule_bias", bias=needed + 0.001), row("rule_bias", bias=1.0)
    assert little[pushed] > 0
    assert set(np.flatnonzero(little)) == {3, 15}
    assert little[15] == much[15]


def test_groups_leave_out_the_best_expert_of_a_poor_group():
    """Groups of four: the last two have the best pairs, 8 with 11 and 12 with 15; else 0 with 3."""
    pairs = {g: np.sort(1 / (1 + np.exp(-LOGITS[4 * g : 4 * g + 4])))[-2:].sum() for g in range(4)}
    kept = sorted(pairs, key=lambda g: -pairs[g])[:2]
    chosen = np.flatnonzero(row("rule_groups", k=4))
    assert {int(e) // 4 for e in chosen} <= set(kept)
    assert len(chosen) == 4
