"""Hash routing to try out: a token's expert by lookup, and by the bundled model's routers."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from moe_viz.figures.lessons import expert_bars, lines
from moe_viz.lessons.hash_routing import (
    OCCURRENCES,
    agreement,
    common_tokens,
    first_choices,
    looked_up,
    violation_of_lookup,
    violation_of_router,
)
from moe_viz.lessons.texts import Lesson
from moe_viz.metrics.tokens import visible
from moe_viz.ui.session import state
from moe_viz.ui.session.profile_view import recorded
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.numbers import Tables
from moe_viz.ui.widgets.words import plain

_SHOWN = 12
"""Tokens to choose from."""


def lookup(lesson: Lesson) -> Tables:
    """One token's expert either way, then how far a lookup could go, and how even it is. Returns what is drawn."""
    profile = recorded().profile
    st.subheader(lesson.say("hash_try"), anchor=False)
    common = common_tokens(profile)
    named = {int(token): visible(profile.token_texts[int(token)], spaces=True) for token in common[:_SHOWN]}
    left, right = st.columns([1.6, 1], gap="large")
    with left:
        token: int = st.segmented_control(
            lesson.say("hash_token"), list(named), default=_a_word(named),
            format_func=lambda one: plain(named[one]), required=True, wrap=True,
            key=state.HASH_TOKEN.key, bind="query-params",
        )  # fmt: skip
    layers = [site.layer for site in profile.sites]
    with right:
        layer: int = st.segmented_control(
            lesson.say("hash_layer"),
            layers,
            default=layers[-1],
            key=state.HASH_LAYER.key,
            required=True,
            bind="query-params",
        )
    counts = first_choices(profile, common)
    own = counts[common.tolist().index(token)]
    met, experts = int(own[0].sum()), profile.experts
    st.markdown(
        lesson.say(
            "hash_lookup",
            token=plain(named[token]),
            id=token,
            experts=experts,
            expert=int(looked_up(common[common == token], experts)[0]),
            met=met,
        )
    )
    shares = own[layers.index(layer)] / met
    first = int(shares.argmax())
    st.markdown(
        lesson.say("hash_learned", layer=layer, used=int((shares > 0).sum()), first=first, most=float(shares[first]))
    )
    drawn = chart(
        expert_bars,
        pd.DataFrame({"expert": range(experts), "share": shares}),
        name="first-choices",
        key="lookup",
        names="expert",
        value="share",
        chosen=[first],
        x_title=lesson.say("axis_expert"),
        tick_format=".0%",
        y_title=lesson.say("axis_first"),
    )
    agree = agreement(profile)
    early, late = int(agree.argmax()), int(agree.argmin())
    st.markdown(
        lesson.say(
            "hash_agree", early=agree[early], early_layer=layers[early], late=agree[late], late_layer=layers[late]
        )
    )
    title = lesson.say("axis_agree")
    drawn |= chart(
        lines,
        pd.DataFrame({"layer": layers, title: agree}),
        name="agreement",
        key="agreement",
        series=[title],
        x_title=lesson.say("axis_layer"),
        y_title=title,
        limits=(0, 1),
        y_format=".0%",
    )
    by_router = violation_of_router(profile)
    st.markdown(
        lesson.say(
            "hash_balance",
            tokens=int(profile.tokens.sum()),
            lookup=violation_of_lookup(profile),
            least=by_router.min(),
            worst=by_router.max(),
        )
    )
    st.caption(lesson.say("hash_counted", texts=recorded().size, occurrences=OCCURRENCES, common=len(common)))
    return drawn


def _a_word(named: dict[int, str]) -> int:
    """The first token that has a letter: more telling than a full stop."""
    return next((token for token, text in named.items() if any(c.isalpha() for c in text)), next(iter(named)))
