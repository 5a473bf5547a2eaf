"""The tables under the figures of Layers and Domains, against the corpus counted anew."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moe_viz.ui.session.profile_view import ProfileView
from moe_viz.ui.session.trace_view import TraceView
from moe_viz.ui.specialization import domains, layers, specialists
from tests.contract import recount
from tests.contract.made_up import DOMAINS, EXPERTS, LAYERS, TOP_K, one_text, profile, traces
from tests.contract.of_profiles import title
from tests.contract.reading import numbers_in, same
from tests.contract.recording import draw_page
from tests.contract.recount import compare

EVERY = [trace for documents in traces().values() for trace in documents]
CELLS = [(domain, site, expert) for domain in DOMAINS for site in recount.SITES for expert in range(EXPERTS[site])]


@pytest.fixture(scope="module")
def view():
    return ProfileView(profile(), "measured", {})


def by_expert(rows):
    return {(LAYERS[site], expert): row for (site, expert), row in rows.items()}


def test_the_corpus_has_no_symmetry():
    rows = recount.layer_rows(EVERY)
    assert list(DOMAINS) != sorted(DOMAINS)
    assert all(rows[site]["unused_experts"] < rows[site]["dead_experts"] for site in (1, 2))
    assert len({round(recount.overall(1, expert), 4) for expert in range(EXPERTS[1])}) > 30
    assert list(LAYERS) != list(recount.SITES)


def test_layers_of_a_profile(monkeypatch, view):
    page = draw_page(monkeypatch, lambda: layers.of_a_profile(view))
    compare(page.handed_out["layers-experts"], by_expert(recount.expert_rows(EVERY)), ["layer", "expert"])
    best = {}
    for site in recount.SITES:
        for expert in range(EXPERTS[site]):
            value, domain = max((recount.difference(d, site, expert), d) for d in DOMAINS)
            best[LAYERS[site], expert] = {"largest_difference": value}
            rows = page.handed_out["layers-experts"]
            (row,) = rows[(rows["site"] == site) & (rows["expert"] == expert)].to_dict("records")
            if value > 0:
                assert row["best_domain"] == domain
    compare(page.handed_out["layers-experts"], best, ["layer", "expert"])
    rows = recount.layer_rows(EVERY)
    compare(page.handed_out["layers"], rows, ["site"])
    compare(page.handed_out["repetition"], repetition(traces().values()), ["site"])
    dead = sum(row["dead_experts"] for row in rows.values())
    assert f"Dead experts (less than a tenth of an even load): {dead} of {sum(EXPERTS)}." in page.said
    informed(page, view)
    assert f"n: {sum(DOMAINS.values())} texts of 4 domains, {recount.tokens():,} tokens." in page.said
    assert f"here it can tell at most {math.log2(4):.2f} bits" in page.said


def repetition(groups):
    return recount.repetition_rows([trace for documents in groups for trace in documents])


def informed(page, view) -> None:
    table = page.handed_out["domain-information"]
    all_bits, first = recount.bits(first=False), recount.bits(first=True)
    compare(
        table,
        {
            site: {"layer": LAYERS[site], "bits": all_bits[site], "first_choice_bits": first[site]}
            for site in recount.SITES
        },
        ["site"],
    )
    words = page.figure("information").alt
    assert words == ", ".join(f"L{layer}: {value:.2f} bits" for layer, value in zip(LAYERS, all_bits, strict=True))


def test_layers_of_a_text_and_the_tokens_of_a_cell(monkeypatch):
    text = one_text()
    expert = int(text.expert_ids[1, 5, 2])
    monkeypatch.setattr(layers, "cell_of_link", lambda trace: (1, expert))
    monkeypatch.setattr(layers, "carry", lambda **kept: None)
    page = draw_page(monkeypatch, lambda: layers.of_a_text(TraceView(text, "measured", None)))
    compare(page.handed_out["layers-experts"], by_expert(recount.expert_rows([text])), ["layer", "expert"])
    rows = recount.layer_rows([text])
    compare(page.handed_out["layers"], rows, ["site"])
    compare(page.handed_out["repetition"], repetition([[text]]), ["site"])
    for site in recount.SITES:
        logits = text.router_logits[site, :, : EXPERTS[site]].astype(np.float64)
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        nats = [-sum(p * math.log(p) for p in row if p > 0) for row in shares.tolist()]
        wanted = sum(nats) / len(nats) / math.log(EXPERTS[site])
        assert page.handed_out["layers"]["router_entropy_normalized"][site] == pytest.approx(wanted, abs=1e-5)
    (tokens,) = page.shown.values()
    stated = [
        (token, text.label(token), rank + 1)
        for token in range(len(text))
        for rank, one in enumerate(text.expert_ids[1, token].tolist())
        if one == expert
    ]
    found = list(zip(tokens["position"], tokens["rank"], strict=True))
    assert found == [(token, rank) for token, _label, rank in stated]
    weights = [float(text.gate_weights[1, token, rank - 1]) for token, _label, rank in stated]
    assert tokens["gating_weight"].tolist() == pytest.approx(weights)
    for _index, row in tokens.iterrows():
        assert text.tokens[row["position"]].strip() in row["token"]
    head = f"Expert {expert} in layer {LAYERS[1]}: {len(stated)} of {len(text)} tokens"
    assert [sub.value for sub in page.app.subheader] == [head]


def test_domains(monkeypatch, view):
    monkeypatch.setattr(domains, "looked_at", lambda: view)
    page = draw_page(
        monkeypatch, lambda: (domains.heatmaps(), domains.draw_information(view), specialists.draw_specialists(view))
    )
    uses = page.handed_out["domains-experts"]
    compare(
        uses,
        {
            (d, site, expert): {
                "layer": LAYERS[site],
                "tokens": recount.taken()[d, site, expert],
                "share": recount.use(d, site, expert),
                "difference": recount.difference(d, site, expert),
                "difference_from_overall": recount.use(d, site, expert) - recount.overall(site, expert),
            }
            for d, site, expert in CELLS
        },
        ["domain", "site", "expert"],
    )
    informed(page, view)
    _specialists(page, uses)
    _held_out(page)


def _specialists(page, uses) -> None:
    marked = uses[uses["marked"]]
    assert f"Specialists: {len(marked)} of {int(uses['q'].notna().sum())}" in page.said
    for row in marked.to_dict("records"):
        assert row["difference"] > 0.5 * TOP_K[row["site"]] / EXPERTS[row["site"]]
        assert row["q"] <= 0.05
    shown = page.shown["specialists"]
    assert shown["more than others"].is_monotonic_decreasing
    names = ["share", "more than others", "from", "to", "q"]
    same(
        {(r["domain"], r["layer"], r["expert"]): [r[name] for name in names] for r in shown.to_dict("records")},
        {
            (title(r["domain"]), f"L{r['layer']}", r["expert"]): [
                r[name] for name in ("share", "difference", "low", "high", "q")
            ]
            for r in marked.to_dict("records")
        },
    )
    assert ((marked["low"] <= marked["difference"]) & (marked["difference"] <= marked["high"])).all()


def _held_out(page) -> None:
    """The halves are drawn by lot; whatever they are, sizes weigh both halves' shares up to the whole."""
    table = page.handed_out["held-out"]
    assert 0 < table["confirmed"].sum() < len(table)
    assert not np.allclose(table["fitted"], table["held_out"])
    assert (table["fitted"] > [0.5 * TOP_K[site] / EXPERTS[site] for site in table["site"]]).all()
    for row in table.to_dict("records"):
        whole = recount.difference(row["domain"], row["site"], row["expert"])
        assert (row["fitted"] + row["held_out"]) / 2 == pytest.approx(whole, abs=0.06)
    sentence = next(line for line in page.said.splitlines() if "in texts that had no part" in line)
    found = numbers_in(sentence)
    assert found[:2] == [table["confirmed"].sum(), len(table)]
    assert found[2:4] == pytest.approx([table["fitted"].mean(), table["held_out"].mean()], abs=0.00051)
    told = next(line for line in page.said.splitlines() if "common enough" in line)
    ids = [int(token) for trace in EVERY for token in trace.token_ids]
    common = [token for token in set(ids) if ids.count(token) >= 200]
    share = sum(token in common for token in ids) / len(ids)
    assert numbers_in(told)[:2] == pytest.approx([len(common), share], abs=0.0051)
