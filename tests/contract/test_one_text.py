"""What the browser's parts are given of one token, and what stands beside them, against the trace."""

from __future__ import annotations

import math

import numpy as np
import pytest
import streamlit as st

from moe_viz.figures.theme import PALETTE
from moe_viz.ui.routing import routing_map
from moe_viz.ui.session.profile_view import ProfileView
from moe_viz.ui.session.trace_view import TraceView
from moe_viz.ui.specialization import to_atlas
from tests.contract.made_up import EXPERTS, LAYERS, TOP_K, one_text, profile
from tests.contract.recording import draw_page
from tests.unit.test_components import unpack

TEXT = one_text()
SOME = (0, 3, 4, len(TEXT) - 2)


@pytest.fixture(scope="module")
def shown():
    return TraceView(TEXT, "measured", None)


def scores(site: int, token: int) -> list[float]:
    """The softmax of the logits, one by one."""
    logits = TEXT.router_logits[site, token, : EXPERTS[site]].tolist()
    powers = [math.exp(logit - max(logits)) for logit in logits]
    return [power / sum(powers) for power in powers]


@pytest.mark.parametrize("token", SOME)
def test_the_panel_says_what_every_router_made_of_the_token(shown, token):
    panel = routing_map._panel_of(shown, token)
    assert (panel["token"], panel["label"], panel["name"]) == (token, TEXT.label(token), TEXT.token_names[token])
    assert panel["generated"] == bool(TEXT.generated[token])
    assert [site["layer"] for site in panel["sites"]] == list(LAYERS)
    for site, said in enumerate(panel["sites"]):
        pairs = zip(TEXT.expert_ids[site, token].tolist(), TEXT.gate_weights[site, token].tolist(), strict=True)
        chosen = sorted(((e, w) for e, w in pairs if e >= 0), key=lambda pair: -pair[1])
        assert len(chosen) == TOP_K[site]
        assert [one["expert"] for one in said["chosen"]] == [expert for expert, _weight in chosen]
        assert [one["weight"] for one in said["chosen"]] == pytest.approx([w for _e, w in chosen], rel=1e-5)
        own = scores(site, token)
        assert said["scores"] == pytest.approx(own, abs=1e-5)
        ranked = sorted(own, reverse=True)
        assert said["margin"] == pytest.approx(ranked[TOP_K[site] - 1] - ranked[TOP_K[site]], abs=1e-5)
        nats = -sum(p * math.log(p) for p in own if p)
        assert said["entropy"] == pytest.approx(nats, abs=1e-4)
        assert said["effective_experts"] == pytest.approx(math.exp(nats), rel=1e-4)
        assert said["colours"] == shown.colours[site, : EXPERTS[site]].tolist()


@pytest.mark.parametrize("token", SOME)
def test_the_panel_says_what_was_expected_next_and_what_came(shown, token):
    panel, following = routing_map._panel_of(shown, token), TEXT.next_tokens
    assert [(one["text"], one["name"]) for one in panel["next"]] == [
        (text, f"token {number}")
        for text, number in zip(following.texts[token], following.token_ids[token].tolist(), strict=True)
    ]
    assert [one["probability"] for one in panel["next"]] == pytest.approx(following.probabilities[token].tolist())
    came = panel["actual_next"]
    assert came["label"] == TEXT.label(token + 1) != TEXT.label(token)
    number = int(TEXT.token_ids[token + 1])
    among = dict(zip(following.token_ids[token].tolist(), following.probabilities[token].tolist(), strict=True))
    assert came["probability"] == (pytest.approx(among[number]) if number in among else None)


def test_nothing_came_after_the_last_token_and_some_came_as_expected(shown):
    assert routing_map._panel_of(shown, len(TEXT) - 1)["actual_next"] is None
    known = [routing_map._panel_of(shown, token)["actual_next"]["probability"] for token in range(6)]
    assert [probability is not None for probability in known] == [True, False] * 3


def test_the_map_holds_every_choice(shown):
    header, sections = unpack(shown.payload)
    shape = TEXT.expert_ids.shape
    assert [site["layer"] for site in header["sites"]] == list(LAYERS)
    assert [(site["experts"], site["top_k"]) for site in header["sites"]] == list(zip(EXPERTS, TOP_K, strict=True))
    assert header["tokens"] == [TEXT.label(token) for token in range(len(TEXT))]
    assert header["palette"] == list(PALETTE)
    ids = sections["expert_ids"].reshape(shape)
    weights = (sections["gate_weights"].reshape(shape).astype(float) - 1) * (
        header["weight_scale"] / (2 ** header["weight_bits"] - 2)
    )
    nats = sections["entropy"].reshape(shape[:2])
    for site, token in np.ndindex(shape[:2]):
        k = TOP_K[site]
        pairs = zip(TEXT.expert_ids[site, token, :k].tolist(), TEXT.gate_weights[site, token, :k].tolist(), strict=True)
        chosen = sorted(pairs, key=lambda pair: -pair[1])
        assert ids[site, token, :k].tolist() == [expert for expert, _weight in chosen]
        assert weights[site, token, :k].tolist() == pytest.approx([weight for _e, weight in chosen], abs=1e-4)
        assert (sections["gate_weights"].reshape(shape)[site, token, k:] == 0).all()
        own = -sum(p * math.log(p) for p in scores(site, token) if p) / math.log(EXPERTS[site])
        assert nats[site, token] == pytest.approx(254 * own, abs=0.6)


def test_the_tables_beside_the_map_are_of_the_chosen_token(monkeypatch, shown):
    token = 7
    monkeypatch.setattr(routing_map, "map_alone", lambda of, key: type("Chosen", (), {"token": token}))
    monkeypatch.setattr(routing_map, "_panel", lambda **given: panels.append(given["data"]))
    monkeypatch.setattr(routing_map, "to_atlas", lambda trace, at: atlas.append(at))
    panels, atlas = [], []
    page = draw_page(monkeypatch, lambda: routing_map._map_and_panel(shown))
    assert (panels[0]["token"], atlas) == (token, [token])
    rows = page.handed_out["router-scores"].to_dict("records")
    assert len(rows) == sum(EXPERTS)
    for row in rows:
        site, expert = LAYERS.index(row["layer"]), row["expert"]
        assert row["router_logit"] == pytest.approx(float(TEXT.router_logits[site, token, expert]))
        assert row["score"] == pytest.approx(scores(site, token)[expert], abs=1e-6)
        taken = dict(zip(TEXT.expert_ids[site, token].tolist(), TEXT.gate_weights[site, token].tolist(), strict=True))
        assert row["gating_weight"] == pytest.approx(taken.get(expert, math.nan), nan_ok=True)
    following = page.handed_out["next-tokens"]
    assert following["token_id"].tolist() == TEXT.next_tokens.token_ids[token].tolist()
    assert following["probability"].tolist() == pytest.approx(TEXT.next_tokens.probabilities[token].tolist())
    assert following["text"].tolist() == list(TEXT.next_tokens.texts[token])


def test_the_way_to_the_atlas_names_the_expert_with_the_largest_weight(monkeypatch):
    asked = []
    view = ProfileView(profile(), "measured", {})
    monkeypatch.setattr(to_atlas, "looked_at", lambda: view)

    def menu(label, options, *, format_func, **_rest):
        asked.extend(map(format_func, options))

    monkeypatch.setattr(st, "menu_button", menu)
    token = 6
    draw_page(monkeypatch, lambda: to_atlas.to_atlas(TEXT, token))
    largest = [int(TEXT.expert_ids[site, token, TEXT.gate_weights[site, token].argmax()]) for site in range(3)]
    assert asked == [f"L{layer}: expert {expert}" for layer, expert in zip(LAYERS, largest, strict=True)]
