"""The concordance of an expert, and one token's way through the routers."""

import dataclasses
import json
import math

import numpy as np
import pytest

from moe_viz.data.router_site import Scoring
from moe_viz.data.scores import margin, router_entropy, selection_scores, site_scores
from moe_viz.data.trace import NextTokens
from moe_viz.metrics.tables import next_token_table, router_table
from moe_viz.metrics.tokens import CONTEXT, token_detail, tokens_of_expert, visible
from tests.invented import make_trace

BIASED = Scoring("sigmoid", normalized=True, selection_bias=(0.5, 0, -0.5, 0, 0.3, 0, -0.2, 0))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc\r", "a⏎b⇥c␍"),
        ("\x00\x1b\x7f", "␀␛␡"),
        ("left\u202eright\ufeff", "left⟨U+202E⟩right⟨U+FEFF⟩"),
        ("猫 👩\u200d💻", "猫 👩\u200d💻"),
    ],
)
def test_what_would_not_show_is_made_visible(text, shown):
    assert visible(text) == shown


def test_spaces_show_on_request():
    assert (visible(" a b", spaces=True), visible(" a b")) == ("·a·b", " a b")


def test_concordance_lists_every_token_of_the_expert_in_its_context():
    trace = make_trace(tokens=30, top_k=3, dropped=0.2)
    for expert in range(8):
        table = tokens_of_expert(trace, 1, expert)
        assert table["position"].tolist() == [t for t in range(30) if expert in trace.expert_ids[1, t]]
        for row in table.itertuples():
            t, slot = row.position, trace.expert_ids[1, row.position].tolist().index(expert)
            assert row.gating_weight == trace.gate_weights[1, t, slot]
            assert row.rank == sorted(trace.gate_weights[1, t], reverse=True).index(row.gating_weight) + 1
            assert row.before == visible("".join(trace.tokens[:t])[-CONTEXT:])
            assert row.after == visible("".join(trace.tokens[t + 1 :])[:CONTEXT])
            assert row.generated == trace.generated[t]


def test_concordance_by_hand():
    cut = "o three four five six is"  # 24 characters
    trace = make_trace(tokens=4, experts=[2], top_k=[2], texts=["one two three four five six", " is", "", "\n"])
    table = tokens_of_expert(trace, 0, 1)
    assert table["token"].tolist() == ["one·two·three·four·five·six", "·is", "<byte·2>", "⏎"]
    assert table["before"].tolist() == ["", " two three four five six", cut, cut]
    assert table["after"].tolist() == [" is⏎", "⏎", "⏎", ""]


def test_an_expert_without_tokens_gives_an_empty_table():
    table = tokens_of_expert(make_trace(dropped=1.0), 0, 0)
    assert len(table) == 0
    assert "gating_weight" in table


@pytest.mark.parametrize(("site", "expert"), [(3, 0), (-1, 0), (0, 8), (0, -1)])
def test_concordance_refuses_what_does_not_exist(site, expert):
    with pytest.raises(IndexError, match=r"(sites|experts) 0 to \d"):
        tokens_of_expert(make_trace(), site, expert)


def test_token_detail_agrees_with_the_trace_and_the_metrics():
    trace = make_trace(experts=[4, 8, 8], top_k=[1, 3, 2], scoring=[Scoring("softmax", True), BIASED, None])
    detail = token_detail(trace, 5)
    assert json.loads(json.dumps(detail, allow_nan=False)) == detail
    for s, site in enumerate(detail):
        pairs = zip(trace.expert_ids[s, 5].tolist(), trace.gate_weights[s, 5].tolist(), strict=True)
        expected = sorted(((e, w) for e, w in pairs if e >= 0), key=lambda pair: -pair[1])
        assert [c["expert"] for c in site["chosen"]] == [e for e, _ in expected]
        assert [c["weight"] for c in site["chosen"]] == pytest.approx([w for _, w in expected], rel=1e-5)
        assert site["experts"] == trace.sites[s].num_experts
    softmax, biased, unknown = detail
    assert softmax["score_name"] == "router probability"
    assert softmax["scores"] == pytest.approx(site_scores(trace, 0)[5].tolist(), rel=1e-5)
    assert softmax["selection"] is None
    assert softmax["entropy"] == pytest.approx(router_entropy(trace)[0, 5], rel=1e-5)
    assert softmax["effective_experts"] == pytest.approx(math.exp(router_entropy(trace)[0, 5]), rel=1e-5)
    assert biased["score_name"] == "router score (sigmoid)"
    assert biased["selection"] == pytest.approx(selection_scores(site_scores(trace, 1)[5], BIASED).tolist(), rel=1e-5)
    assert biased["margin"] == pytest.approx(margin(trace)[1, 5], rel=1e-5)
    assert unknown["score_name"] == "router logit"
    assert unknown["scores"] == pytest.approx(trace.router_logits[2, 5].tolist(), rel=1e-5)
    for field in ("selection", "margin", "entropy", "effective_experts"):
        assert unknown[field] is None


def test_token_detail_of_a_dropped_token_has_no_experts_but_its_scores():
    site = token_detail(make_trace(dropped=1.0), 0)[0]
    assert site["chosen"] == []
    assert site["margin"] is None
    assert len(site["scores"]) == 8


def test_token_detail_without_logits_has_no_scores():
    assert token_detail(make_trace(logits=False), 0)[0]["scores"] is None


def test_token_detail_keeps_six_digits():
    values = token_detail(make_trace(), 0)[0]["scores"]
    assert all(value == float(f"{value:.6g}") for value in values)
    assert any(value != float(f"{value:.5g}") for value in values)


@pytest.mark.parametrize("token", [7, -1])
def test_token_detail_refuses_what_does_not_exist(token):
    with pytest.raises(IndexError, match="tokens 0 to 6"):
        token_detail(make_trace(), token)


def test_the_router_table_has_every_expert_with_its_score_and_weight():
    trace = make_trace(experts=[4, 8, 8], top_k=[1, 3, 2], scoring=[Scoring("softmax", True), BIASED, None])
    table = router_table(trace, 5)
    assert len(table) == 4 + 8 + 8
    for s, site in enumerate(trace.sites):
        rows = table[table["site"] == s].set_index("expert")
        chosen = rows["gating_weight"].dropna()
        taken = trace.expert_ids[s, 5][: site.top_k]
        assert sorted(chosen.index) == sorted(taken)
        assert [chosen[e] for e in taken] == trace.gate_weights[s, 5][: site.top_k].tolist()
        assert rows["router_logit"].tolist() == trace.router_logits[s, 5, : site.num_experts].tolist()
    biased = table[table["site"] == 1]
    difference = (biased["selection_score"] - biased["score"]).tolist()
    assert difference == pytest.approx(list(BIASED.selection_bias))
    assert table[table["site"] == 2]["score"].isna().all()
    assert router_table(make_trace(logits=False), 0)["router_logit"].isna().all()


def test_the_next_token_table_follows_the_trace():
    assert next_token_table(make_trace(), 0).empty
    probabilities = np.float32([[0.5, 0.25]] * 7)
    following = NextTokens(np.arange(14).reshape(7, 2), probabilities, (("a", "b"),) * 7)
    table = next_token_table(dataclasses.replace(make_trace(), next_tokens=following), 3)
    assert table.to_dict("list") == {
        "rank": [1, 2],
        "token_id": [6, 7],
        "text": ["a", "b"],
        "probability": [0.5, 0.25],
    }
