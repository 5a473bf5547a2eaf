"""The page itself: one question after the other."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from concurrent.futures import Future

import streamlit as st

from moe_viz.data.trace import RoutingTrace
from moe_viz.errors import MoeVizError
from moe_viz.figures.theme import SERIES
from moe_viz.lessons.texts import predict, predict_kind
from moe_viz.quiz.asking import MAX_SEED, OWN, Asked, ask
from moe_viz.quiz.question import Question
from moe_viz.ui.learn.lesson_page import STYLE
from moe_viz.ui.learn.predict.evidence import SHOWN_BEFORE, evidence
from moe_viz.ui.learn.predict.passages import cells, passages
from moe_viz.ui.learn.predict.words import letter, say, say_choice, say_measured, text_name
from moe_viz.ui.page_registry import page_entry
from moe_viz.ui.session import state
from moe_viz.ui.session.model_in_use import engine, model_name
from moe_viz.ui.session.predict_round import Round
from moe_viz.ui.session.session import session
from moe_viz.ui.session.text_session import TextRequest
from moe_viz.ui.session.trace_view import TraceView, origin_text
from moe_viz.ui.widgets.numbers import folded_tables
from moe_viz.ui.widgets.words import facts_html, plain

_MOST_CHARACTERS = 2000
"""At most this much of a person's text is read, for every question."""
_ADDRESS = "round"
"""The parameter of the address that names the seed; "seed" is that of continuations."""
_SEEDS = 10_000
"""A seed that the page chooses is below this: short enough to be read aloud."""

_STYLE = f"""
<style>
[data-testid="stMainBlockContainer"] h2 {{ font-size: 1.75rem; line-height: 1.3; padding-block: 0 .2rem; }}
@media (max-width: 640px) {{ [data-testid="stMainBlockContainer"] h2 {{ font-size: 1.35rem; }} }}
[class*="st-key-choice"] button {{ min-height: 3.6rem; padding-inline: 1.1rem; }}
[class*="st-key-choice"] button > div {{ justify-content: flex-start; text-align: left; width: 100%; }}
[class*="st-key-choice"] button p, [class*="st-key-result"] p {{ font-size: 1.22rem; }}
[class*="st-key-result"] [data-testid="stCaptionContainer"] p {{ font-size: 1rem; }}
[class*="-right"][class*="st-key-result"] {{ outline: 3px solid {SERIES[2]}; }}
[class*="-chosen"][class*="st-key-result"] {{ outline: 3px dashed {SERIES[1]}; }}
</style>
"""


def predict_page() -> None:
    """Draw the current question, and after the answer what was measured."""
    st.html(STYLE + _STYLE)
    own_round = _round()
    own = _source()
    asked = _question(own_round, own)
    if asked is None:
        return
    question = asked.question
    _heading(own_round, question)
    st.header(say(question, "question"), anchor=False)
    passages(question.passages)
    if question.kind in SHOWN_BEFORE:
        evidence(question)
    if own_round.answer is None:
        _choices(own_round, question)
    else:
        _results(question, own_round.answer)
    _controls(own_round)
    if own_round.answer is not None:
        _explained(asked)
    st.caption(predict("seed", seed=own_round.seed))


def _round() -> Round:
    """The session's round. The address names its seed; another seed begins another round."""
    own = state.ROUND.get()
    named = st.query_params.get(_ADDRESS)
    seed = _seed(named)
    if named is not None and seed is None:
        st.info(predict("no_seed", most=MAX_SEED), icon=":material/link_off:")
    if own is None or seed not in {None, own.seed}:
        own = Round(secrets.randbelow(_SEEDS) if seed is None else seed)
        state.ROUND.set(own)
    st.query_params[_ADDRESS] = str(own.seed)
    return own


def _seed(named: str | None) -> int | None:
    """The seed that an address names; None if it names none."""
    if named is None or not (named.isascii() and named.isdigit()) or len(named) > len(str(MAX_SEED)):
        return None
    return int(named) if int(named) <= MAX_SEED else None


def _source() -> str:
    """Draw the choice of what the questions are about. Returns the person's own text; empty: the examples."""
    names = {"examples": predict("examples"), OWN: predict("own")}
    chosen = st.segmented_control(
        predict("source"),
        list(names),
        default="examples",
        format_func=names.__getitem__,
        required=True,
        key="predict source",
        persist_state="session",
    )
    if chosen != OWN:
        return ""
    with st.form("predict own", border=False):
        text = st.text_area(
            predict("own_label", most=_MOST_CHARACTERS),
            max_chars=_MOST_CHARACTERS,
            height=120,
            key="predict text",
            persist_state="session",
        )
        if st.form_submit_button(predict("own_ask")):
            state.PREDICT_TEXT.set(text.strip())
    own = state.PREDICT_TEXT.get() or ""
    if not own:
        st.caption(predict("own_none"))
    return own


def _question(own_round: Round, own: str) -> Asked | None:
    """The current question; if there is none, draw the reason."""
    of = (model_name(), own)
    if own_round.wants(of):
        try:
            own_round.pose(ask(_read, own_round.seed, own_round.number, own), of)
        except MoeVizError as error:
            st.error(plain(str(error)), icon=":material/error:")
            st.button(predict("try_again"))
            return None
    if own_round.asked is None:
        st.info(predict("nothing"), icon=":material/block:")
    return own_round.asked


def _read(texts: Sequence[str]) -> list[RoutingTrace]:
    """The texts as the model in use routes them. If the page is left, the requests are withdrawn."""
    current = engine()
    if current.state == "loading":
        with st.spinner(predict("loading"), show_time=True):
            current.info()
    answers: list[Future[RoutingTrace]] = []
    try:
        with st.spinner(predict("reading"), show_time=True):
            answers.extend(current.submit(text, session().owner) for text in texts)
            return [answer.result() for answer in answers]
    finally:
        for answer in answers:
            answer.cancel()


def _heading(own_round: Round, question: Question) -> None:
    """Which question it is, of which kind, and the score."""
    total = own_round.total
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        title = predict_kind(question.kind)["title"]
        st.caption(f"{predict('number', number=own_round.number + 1)} · {title}", width="content")
        said = predict("score", right=total.right, asked=total.asked) if total.asked else predict("no_score")
        with st.popover(said, type="tertiary", icon=":material/scoreboard:"):
            for_each = {
                predict_kind(kind)["title"]: predict("score", right=score.right, asked=score.asked)
                for kind, score in own_round.score.items()
                if score.asked
            }
            if for_each:
                st.html(facts_html(for_each))
            st.caption(predict("score_about"))


def _choices(own_round: Round, question: Question) -> None:
    for index, (cell, choice) in enumerate(zip(cells(len(question.choices)), question.choices, strict=True)):
        cell.button(
            f"**{letter(index)}** &ensp;{say_choice(question, choice)}",
            key=f"choice {own_round.number} {index}",
            on_click=own_round.choose,
            args=(index,),
            width="stretch",
        )


def _results(question: Question, answer: int) -> None:
    """Every choice with what was measured for it, with marks on the right and on the chosen one; then the verdict."""
    for index, (cell, choice) in enumerate(zip(cells(len(question.choices)), question.choices, strict=True)):
        state, icon = "other", ""
        if index == question.right:
            state, icon = "right", ":material/check_circle:"
        elif index == answer:
            state, icon = "chosen", ":material/cancel:"
        with cell.container(border=True, key=f"result {index} {state}"):
            st.markdown(f"**{letter(index)}** &ensp;{say_choice(question, choice)} &ensp;{icon}")
            if measured := say_measured(question, choice):
                st.caption(measured)
    if answer == question.right:
        st.success(f"**{predict('right')}** {say(question, 'answer')}", icon=":material/check:")
    else:
        st.info(f"**{predict('wrong')}** {_chosen(question, answer)} {say(question, 'answer')}", icon=":material/undo:")


def _chosen(question: Question, answer: int) -> str:
    """The chosen answer, with what was measured for it."""
    choice = question.choices[answer]
    said, measured = say_choice(question, choice), say_measured(question, choice)
    return predict("chosen_measured", choice=said, measured=measured) if measured else predict("chosen", choice=said)


def _controls(own_round: Round) -> None:
    def begin(seed: int) -> None:
        state.ROUND.set(Round(seed))
        st.query_params[_ADDRESS] = str(seed)

    with st.container(horizontal=True):
        st.button(
            predict("next"),
            key="next question",
            on_click=own_round.go_on,
            type="secondary" if own_round.answer is None else "primary",
        )
        st.button(predict("again"), key="start over", on_click=begin, args=(own_round.seed,), type="tertiary")
        st.button(
            predict("other"), key="other questions", on_click=begin, args=(secrets.randbelow(_SEEDS),), type="tertiary"
        )


def _explained(asked: Asked) -> None:
    """What was measured, what it teaches, and where it comes from."""
    question = asked.question
    st.markdown(say(question, "why"))
    if question.kind not in SHOWN_BEFORE:
        evidence(question)
    _to_routing(asked)
    folded_tables({question.kind: lambda: question.evidence})
    origin = origin_text(asked.provenance, asked.routers, "measured")
    st.caption(plain(" ".join((origin, *asked.provenance.notes))))


def _to_routing(asked: Asked) -> None:
    """Draw a link to the whole text on the Routing page."""
    label = predict("routing", text_name=plain(text_name(asked.name)))
    if not st.button(label, key="to routing", type="tertiary", icon=":material/route:"):
        return
    try:
        trace = _read([asked.text])[0]
    except MoeVizError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    session().show(TraceView(trace, "measured", None), TextRequest(asked.text))
    state.TEXT.set(asked.text)
    st.switch_page(page_entry("routing").file)
