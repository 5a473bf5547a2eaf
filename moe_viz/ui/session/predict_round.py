"""What a session has been asked, and its score. Nothing of it is kept after the visit."""

from __future__ import annotations

from dataclasses import dataclass, field

from moe_viz.quiz.asking import KINDS, Asked


@dataclass
class Score:
    """Answers given, and right ones among them."""

    asked: int = 0
    right: int = 0


@dataclass
class Round:
    """The questions of one seed, and the answers to them."""

    seed: int
    number: int = 0
    """Number of the current question, from 0."""
    score: dict[str, Score] = field(default_factory=lambda: {kind: Score() for kind in KINDS})
    asked: Asked | None = None
    """The current question; None if nothing could be asked."""
    answer: int | None = None
    """The choice that was made."""
    _of: object = None

    @property
    def total(self) -> Score:
        """The score over all kinds."""
        return Score(sum(one.asked for one in self.score.values()), sum(one.right for one in self.score.values()))

    def wants(self, of: object) -> bool:
        """Whether a question still has to be made for `of`, a model and a text."""
        return self._of != (self.number, of)

    def pose(self, asked: Asked | None, of: object) -> None:
        """Begin with another question."""
        self.asked, self.answer, self._of = asked, None, (self.number, of)

    def choose(self, choice: int) -> None:
        """Answer the question; the first answer counts."""
        if self.asked is None or self.answer is not None:
            return
        self.answer = choice
        score = self.score[self.asked.question.kind]
        score.asked += 1
        score.right += choice == self.asked.question.right

    def go_on(self) -> None:
        """Ask the next question, whether or not this one was answered."""
        self.number += 1
