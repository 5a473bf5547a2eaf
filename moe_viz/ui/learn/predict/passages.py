"""The texts of a question, with a letter at each token to choose from. A person's words are escaped."""

from __future__ import annotations

from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from moe_viz.figures.theme import GRID, INK, PALETTE
from moe_viz.lessons.texts import predict
from moe_viz.metrics.tokens import visible
from moe_viz.quiz.question import GIVEN, Passage
from moe_viz.ui.learn.predict.words import letter, text_name

_GIVEN_COLOUR, _CHOICE_COLOUR = PALETTE[11], PALETTE[3]

_STYLE = f"""
<style>
.moe-text {{ border: 1px solid {GRID}; border-radius: .6rem; padding: .7rem 1rem .9rem; font-size: 1.12rem;
  line-height: 1.8; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 24rem; overflow-y: auto; }}
.moe-text-name {{ opacity: .8; font-size: .92rem; padding-bottom: .15rem; }}
.moe-token {{ color: {INK}; border-radius: .3rem; padding: .12rem .1rem; margin-right: 1px; font-weight: 600; }}
.moe-letter {{ color: {INK}; font-size: .78rem; font-weight: 800; border: 1.5px solid {INK}; border-radius: 50%;
  padding: .02rem .34rem; margin: 0 .2rem 0 .1rem; }}
</style>
"""


def passages(shown: tuple[Passage, ...]) -> None:
    """Draw them, side by side where there are several."""
    st.html(_STYLE)
    for cell, passage in zip(cells(len(shown)), shown, strict=True):
        cell.html(_html(passage))
    if any(GIVEN in passage.marks.values() for passage in shown):
        swatch = f"<span class='moe-token' style='background:{_GIVEN_COLOUR}'>&emsp;</span>"
        st.html(f"<div class='moe-text-name'>{swatch} {escape(predict('given'))}</div>")


def cells(count: int) -> list[DeltaGenerator]:
    """Places, two in a row; on a phone and by keyboard they keep their order."""
    across = min(count, 2)
    return [cell for _ in range(0, count, across) for cell in st.columns(across)][:count]


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
    """One that is marked; the space before it stays outside of its frame, unless it has nothing else."""
    bare = words.lstrip(" ")
    space, after = words[: len(words) - len(bare)], ""
    shown = _lines(bare)
    if not words.strip():
        space, shown, after = "", visible(words, spaces=True), "\n" * words.count("\n")
    colour = _GIVEN_COLOUR if mark == GIVEN else _CHOICE_COLOUR
    badge = "" if mark == GIVEN else f"<span class='moe-letter'>{letter(mark)}</span>"
    return f"{space}<span class='moe-token' style='background:{colour}'>{badge}{escape(shown)}</span>{after}"


def _lines(words: str) -> str:
    """A token's text with its line breaks, and a sign for all else that would not show."""
    return "\n".join(map(visible, words.split("\n")))
