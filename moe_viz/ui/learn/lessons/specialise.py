"""Do experts specialise? Guess first; then what was measured, and the story of the maths expert."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from moe_viz.figures.domains import given_token_lines, information_lines
from moe_viz.figures.lessons import named_bars
from moe_viz.lessons.specialise import Own, most_own, taken_besides, work_by_domain
from moe_viz.lessons.texts import Lesson
from moe_viz.metrics.domains import CONFIDENCE, DRAWS
from moe_viz.metrics.specialists import LEVEL
from moe_viz.ui.learn.lessons.kind import choose_kind
from moe_viz.ui.session import state
from moe_viz.ui.session.profile_view import ProfileView, recorded
from moe_viz.ui.widgets.chart import chart
from moe_viz.ui.widgets.numbers import Tables, folded_tables, profile_provenance


def draw(lesson: Lesson) -> None:
    """Two guesses; then the answers, when a person asks for them."""
    profiled = recorded()
    profile = profiled.profile
    kinds, site = len(profiled.names), profile.sites[0]
    most = float(np.log2(min(kinds, site.num_experts / site.top_k)))
    st.markdown(lesson.say("intro", texts=int(profiled.documents.sum()), kinds=kinds))
    left, right = st.columns(2, gap="large")
    with left:
        kind: int | None = st.selectbox(
            lesson.say("guess_kind"),
            profiled.domains,
            index=None,
            placeholder=lesson.say("guess_kind_empty"),
            format_func=profiled.names.__getitem__,
            key="guess kind",
        )
    with right:
        guess = st.slider(lesson.say("guess_bits"), 0.0, round(most, 1), round(most / 2, 1), 0.1, key="guess bits")
    st.caption(
        lesson.say(
            "guess_help",
            none=0,
            kinds=kinds,
            all=float(np.log2(kinds)),
            top_k=site.top_k,
            experts=site.num_experts,
            most=most,
        )
    )
    if st.button(lesson.say("show"), type="primary", disabled=kind is None, key="specialise_show"):
        state.SPECIALISE_SHOWN.set(True)
    if kind is None or not state.SPECIALISE_SHOWN.get():
        return
    owned = most_own(profiled.specialists)
    drawn = _own(lesson, profiled, owned, kind)
    drawn |= _bits(lesson, profiled, guess)
    drawn |= _token(lesson, profiled)
    drawn |= _story(lesson, profiled, owned)
    folded_tables(drawn)
    profile_provenance(profiled)


def _own(lesson: Lesson, profiled: ProfileView, owned: tuple[Own, ...], kind: int) -> Tables:
    st.subheader(lesson.say("own"), anchor=False)
    place = next(i for i, own in enumerate(owned) if own.domain == kind)
    names = [profiled.names[own.domain] for own in owned]
    first, guessed = owned[0], owned[place]
    st.markdown(
        lesson.say(
            "own_wrong" if place else "own_right",
            kind=names[place],
            first=names[0],
            place=place + 1,
            kinds=len(owned),
            expert=guessed.expert,
            layer=profiled.profile.sites[guessed.site].layer,
            share=guessed.share,
            others=guessed.others,
            difference=first.difference,
            low=first.low,
            high=first.high,
        )
    )
    drawn = chart(
        named_bars,
        pd.DataFrame(owned).assign(
            domain=[profiled.profile.domains[own.domain] for own in owned],
            name=names,
            difference=[own.difference for own in owned],
        ),
        name="most-own",
        key="most own",
        value="difference",
        chosen={0, place},
        x_title=lesson.say("axis_difference"),
        number_format=".0%",
        interval=True,
    )
    st.caption(lesson.say("own_reading", confidence=CONFIDENCE, draws=DRAWS))
    found, halves = profiled.specialists, profiled.halves
    assert halves is not None  # every kind has several texts
    st.markdown(
        lesson.say(
            "chance",
            tested=int((~np.isnan(found.q)).sum()),
            marked=int(found.marked.sum()),
            level=LEVEL,
            found=int(halves.found.sum()),
            confirmed=int(halves.confirmed.sum()),
        )
    )
    return drawn


def _bits(lesson: Lesson, profiled: ProfileView, guess: float) -> Tables:
    st.subheader(lesson.say("bits"), anchor=False)
    table = profiled.information
    best = table.iloc[table["bits"].argmax()]
    st.markdown(
        lesson.say(
            "bits_answer",
            guess=guess,
            layer=int(best["layer"]),
            best=best["bits"],
            low=best["low"],
            high=best["high"],
            mean=table["bits"].mean(),
            null=table["null_largest"].max(),
        )
    )
    return chart(
        information_lines,
        table,
        name="domain-information",
        key="specialise bits",
        layers=profiled.layers,
        interval=profiled.interval,
        guess=(guess, lesson.say("line_guess")),
    )


def _token(lesson: Lesson, profiled: ProfileView) -> Tables:
    st.subheader(lesson.say("token"), anchor=False)
    table = profiled.information
    early, late = table.iloc[table["left_bits"].argmin()], table.iloc[table["left_bits"].argmax()]
    st.markdown(
        lesson.say(
            "token_answer",
            tokens=int(table["tokens"].max()),
            share=table["share_of_text"].max(),
            early=int(early["layer"]),
            early_all=early["first_choice_bits"],
            early_left=early["left_bits"],
            late=int(late["layer"]),
            late_left=late["left_bits"],
        )
    )
    return chart(given_token_lines, table, name="domain-information", key="specialise token", layers=profiled.layers)


def _story(lesson: Lesson, profiled: ProfileView, owned: tuple[Own, ...]) -> Tables:
    st.subheader(lesson.say("story"), anchor=False)
    st.markdown(lesson.say("story_intro"))
    asked = choose_kind(lesson.say("story_kind"), "math_steps", state.SPECIALISE_STORY)
    own = next(own for own in owned if profiled.profile.domains[own.domain] == asked)
    site = profiled.profile.sites[own.site]
    even = site.top_k / site.num_experts
    shares = profiled.specialists.use[:, own.site, own.expert]
    besides = taken_besides(profiled.specialists, own, even)
    numbers = {
        "expert": own.expert,
        "layer": site.layer,
        "share": own.share,
        "kind": profiled.names[own.domain],
        "even": even,
        "work": own.work,
    }
    if besides:
        numbers |= {"besides": shares[besides[0]], "other": profiled.names[besides[0]], "count": len(besides)}
    st.markdown(lesson.say("story_besides" if besides else "story_alone", **numbers))
    order = sorted(profiled.domains, key=lambda domain: -shares[domain])
    drawn = chart(
        named_bars,
        pd.DataFrame({"name": [profiled.names[domain] for domain in order], "share": shares[order]}),
        name="share-by-kind",
        key="story",
        value="share",
        chosen={order.index(own.domain)},
        x_title=lesson.say("axis_share"),
        number_format=".0%",
        line=(even, lesson.say("line_even")),
    )
    st.caption(lesson.say("story_reading"))
    st.markdown(_true_here(lesson, profiled, owned))
    return drawn


def _true_here(lesson: Lesson, profiled: ProfileView, owned: tuple[Own, ...]) -> str:
    work = work_by_domain(profiled.specialists)
    domain, closest, expert = (int(i) for i in np.unravel_index(work.argmax(), work.shape))
    surest = max(owned, key=lambda own: own.share)
    sites = profiled.profile.sites
    return lesson.say(
        "true_here",
        kind=profiled.names[surest.domain],
        share=surest.share,
        expert=surest.expert,
        layer=sites[surest.site].layer,
        all=sum(site.num_experts for site in sites),
        majority=int((work.max(axis=0) > 0.5).sum()),
        closest=expert,
        closest_layer=sites[closest].layer,
        closest_work=float(work[domain, closest, expert]),
        closest_kind=profiled.names[domain],
    )
