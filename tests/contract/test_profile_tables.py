"""The tables under the figures of Layers, Domains, Experts and Flow, against the corpus counted anew."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moe_viz.ui.session.trace_view import Shown
from moe_viz.ui.specialization import domains, experts, flow, layers, specialists
from moe_viz.ui.specialization.profile_view import Profiled
from tests.contract import recount
from tests.contract.made_up import DOMAINS, EXPERTS, LAYERS, TOP_K, one_text, profile, traces
from tests.contract.of_profiles import title
from tests.contract.reading import numbers_in, same
from tests.contract.recording import draw_page

EVERY = [trace for documents in traces().values() for trace in documents]
CELLS = [(domain, site, expert) for domain in DOMAINS for site in recount.SITES for expert in range(EXPERTS[site])]


@pytest.fixture(scope="module")
def view():
    return Profiled(profile(), "measured", {})


def compare(table, rows, key: list[str]) -> None:
    """A table's rows by name against the same rows counted anew, every column that was counted."""
    records = {tuple(row[name] for name in key): row for row in table.to_dict("records")}
    assert len(records) == len(table)
    rows = {at if isinstance(at, tuple) else (at,): row for at, row in rows.items()}
    for column in next(iter(rows.values())):
        same({at: row[column] for at, row in records.items()}, {at: row[column] for at, row in rows.items()}, rel=1e-4)


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
    assert f"Dead experts, with less than a tenth of an even load: {dead} of {sum(EXPERTS)}." in page.said
    informed(page, view)
    assert f"more than {math.log2(4):.2f} bits it cannot tell here" in page.said


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
    page = draw_page(monkeypatch, lambda: layers.of_a_text(Shown(text, "measured", None)))
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
        monkeypatch, lambda: (domains.heatmaps(), domains.informations(view), specialists.specialists(view))
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


@pytest.mark.parametrize("site", recount.SITES)
def test_experts(monkeypatch, view, site):
    busy = sorted(range(EXPERTS[site]), key=lambda expert: -recount.overall(site, expert))
    expert = busy[2]

    def part():
        experts.summary(view, site, expert)
        experts.share_and_load(view, site, expert)
        experts.tokens_and_alike(view, site, expert)
        experts.partners(view, site, expert)

    page = draw_page(monkeypatch, part)
    took = sum(recount.taken()[domain, site, expert] for domain in DOMAINS)
    assert page.metrics["Tokens it took"] == f"{took:,}"
    assert page.metrics["Of all tokens"] == f"{took / recount.tokens():.1%}"
    assert page.metrics["Place by load"] == f"3 of {EXPERTS[site]}"
    marked = view.uses[(view.uses["site"] == site) & (view.uses["expert"] == expert)]["marked"].sum()
    assert page.metrics["Domains it is marked for"] == str(marked)
    rows = {
        domain: {"documents": count, "share": recount.use(domain, site, expert)} for domain, count in DOMAINS.items()
    }
    table = page.handed_out["share-by-domain"]
    compare(table, rows, ["domain"])
    assert table["share"].is_monotonic_decreasing
    assert table["name"].tolist() == [title(domain) for domain in table["domain"]]
    assert ((table["low"] <= table["share"]) & (table["share"] <= table["high"])).all()
    options = page.figure("share by domain").options
    assert options["even"] == pytest.approx(TOP_K[site] / EXPERTS[site])
    assert options["overall"] == pytest.approx(recount.overall(site, expert))
    loads = {
        one: {"tokens": row["count"], "load": row["load"]}
        for (at, one), row in recount.expert_rows(EVERY).items()
        if at == site
    }
    compare(page.handed_out["loads"], loads, ["expert"])
    assert page.figure("loads").options["selected"] == expert
    assert page.figure("loads").alt == (
        f"expert {expert}: {loads[expert]['load']:.1%} of the assignments of L{LAYERS[site]}"
    )
    _partners(page, site, expert, took)
    _tokens(page, site, expert, took)


def _partners(page, site: int, expert: int, took: int) -> None:
    """Beside, before and after: the shares of the experts at each router, in its own column of the page."""
    for where, at in (("before", site - 1), ("beside", site), ("after", site + 1)):
        key = f"{where} {site} {expert}"
        if at not in recount.SITES or (where == "beside" and TOP_K[site] == 1):
            assert key not in page.shown
            continue
        shared = recount.both(site, at)
        shown = page.shown[key]
        assert set(shown["layer"]) == {f"L{LAYERS[at]}"}
        assert dict(zip(shown["expert"], shown["share"], strict=True)) == {
            other: pytest.approx(shared[expert, other] / took) for other in shown["expert"]
        }
        if where != "beside":
            rows = [row for row in shown.to_dict("records") if not math.isnan(row["lift"])]
            for row in rows:
                chance = recount.overall(at, row["expert"])
                assert row["lift"] == pytest.approx(shared[expert, row["expert"]] / took / chance)
            known = [row["lift"] for row in rows]
            assert known == sorted(known, reverse=True)


def _tokens(page, site: int, expert: int, took: int) -> None:
    if "tokens" not in page.handed_out:
        return
    met = [int(token) for trace in EVERY for token in trace.token_ids]
    taken = [
        int(trace.token_ids[token])
        for trace in EVERY
        for _n, at, token, _rank, one, _w in recount.choices([trace])
        if at == site and one == expert
    ]
    for row in page.handed_out["tokens"].to_dict("records"):
        token = row["token_id"]
        assert row["token"].strip("·") == f"t{token}"
        assert (row["taken"], row["met"]) == (taken.count(token), met.count(token))
        share = taken.count(token) / met.count(token)
        assert (row["share"], row["lift"]) == pytest.approx((share, share / (took / len(met))))


@pytest.mark.parametrize(("site", "count"), [(0, 1), (1, 2), (2, 1)])
def test_flow(monkeypatch, view, site, count):
    chosen = sorted(range(EXPERTS[site]), key=lambda expert: -recount.overall(site, expert))[:count]
    page = draw_page(monkeypatch, lambda: (flow.one_layer(view, site, chosen), flow.all_layers(view, site, chosen)))
    took = {expert: recount.overall(site, expert) * recount.tokens() for expert in range(EXPERTS[site])}
    rows = {}
    for direction, at in (("before", site - 1), ("after", site + 1)):
        for expert in chosen if at in recount.SITES else []:
            for other in range(EXPERTS[at]):
                shared = recount.both(site, at)[expert, other]
                rows[direction, expert, other] = {"layer": LAYERS[at], "tokens": shared, "share": shared / took[expert]}
    compare(page.handed_out["flow"], rows, ["direction", "expert", "other"])
    if site:
        pairs = {
            (a, b): {"layer": LAYERS[site], "tokens": shared, "share": shared / took[a] if took[a] else math.nan}
            for a in range(EXPERTS[site])
            for b in range(EXPERTS[site])
            if a != b
            for shared in [recount.both(site, site)[a, b]]
        }
        compare(page.handed_out["co-activation"], pairs, ["expert", "other"])
    _sums(page, rows, took, chosen, site)
    for row in page.handed_out["paths"].to_dict("records"):
        near, far = row["near_site"], row["far_site"]
        assert (row["near_layer"], row["far_layer"]) == (f"L{LAYERS[near]}", f"L{LAYERS[far]}")
        shared = recount.both(near, far)[row["near"], row["far"]]
        own = recount.overall(near, row["near"]) * recount.tokens()
        assert row["share"] == pytest.approx(shared / own)
        assert row["lift"] == pytest.approx(shared / own / recount.overall(far, row["far"]))
        assert row["lift"] >= 1.5


def _sums(page, rows, took, chosen, site: int) -> None:
    """The caption: what those named make up, of what a token takes in which layer."""
    sentence = next(line for line in page.said.splitlines() if "Those named make up" in line)
    parts = sentence.split("Those named make up ")[1].split(" and ")
    total = sum(took[expert] for expert in chosen)
    for part, direction, at in zip(
        parts,
        [d for d in ("before", "after") if (d, chosen[0], 0) in rows],
        [at for at in (site - 1, site + 1) if at in recount.SITES],
        strict=True,
    ):
        shares = [sum(rows[direction, e, o]["tokens"] for e in chosen) / total for o in range(EXPERTS[at])]
        even = TOP_K[at] / EXPERTS[at]
        named = sum(sorted((share for share in shares if share >= even), reverse=True)[:10])
        found = numbers_in(part)
        assert found[0] == pytest.approx(named, abs=0.0501)
        assert f"a token’s {TOP_K[at]} expert" in part
        assert f"in L{LAYERS[at]}" in part
