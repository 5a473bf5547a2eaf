"""The texts of a question, with a letter at each token to choose from. A person's words are escaped."""

from __future__ import annotations

from html import escape

import streamlit as st

from moe_viz.figures.theme import GRID, INK, PALETTE
from moe_viz.lessons.texts import predict
from moe_viz.metrics.tokens import visible
from moe_viz.quiz.question import GIVEN, Passage
from moe_viz.ui.predict.words import letter, text_name

_GIVEN_COLOUR, _CHOICE_COLOUR = PALETTE[11], PALETTE[3]

_STYLE = f"""
<style>
.moe-text {{ border: 1px solid {GRID}; border-radius: .6rem; padding: .7rem 1rem .9rem; font-size: 1.12rem;
  line-height: 2.05; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 24rem; overflow-y: auto; }}
.moe-text-name {{ opacity: .8; font-size: .92rem; padding-bottom: .15rem; }}
.moe-token {{ color: {INK}; border-radius: .3rem; padding: .12rem .1rem; font-weight: 600; }}
.moe-letter {{ color: {INK}; font-size: .78rem; font-weight: 800; border: 1.5px solid {INK}; border-radius: 50%;
  padding: .02rem .34rem; margin: 0 .2rem 0 .1rem; }}
</style>
"""


def passages(shown: tuple[Passage, ...]) -> None:
    """Draw them, side by side where there are several."""
    st.html(_STYLE)
    columns = st.columns(min(len(shown), 2))
    for index, passage in enumerate(shown):
        columns[index % len(columns)].html(_html(passage))
    if any(GIVEN in passage.marks.values() for passage in shown) and len(shown) == 1:
        st.html(f"<div class='moe-text-name'>{_token('  ', GIVEN)} {escape(predict('given'))}</div>")


def _html(passage: Passage) -> str:
    name = text_name(passage.name)
    if passage.choice is not None:
        name = f"{letter(passage.choice)}. {name}"
    body = "".join(
        _token(words, passage.marks[index]) if index in passage.marks else escape(_lines(words))
        for index, words in enumerate(passage.tokens)
    )
    before, after = ("… " if passage.cut_before else ""), (" …" if passage.cut_after else "")
    return (
        f"<div class='moe-text-name'>{escape(name)}</div><div class='moe-text' tabindex='0'>{before}{body}{after}</div>"
    )


def _token(words: str, mark: int) -> str:
    """One that is marked; the space before it stays outside of its frame."""
    bare = words.lstrip(" ")
    space = words[: len(words) - len(bare)]
    colour = _GIVEN_COLOUR if mark == GIVEN else _CHOICE_COLOUR
    badge = "" if mark == GIVEN else f"<span class='moe-letter'>{letter(mark)}</span>"
    return f"{space}<span class='moe-token' style='background:{colour}'>{badge}{escape(_lines(bare))}</span>"


def _lines(words: str) -> str:
    """A token's text with its line breaks, and a sign for all else that would not show."""
    return "\n".join(map(visible, words.split("\n")))
