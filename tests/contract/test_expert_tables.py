"""The tables under the figures of Experts and Flow, against the corpus counted anew."""

from __future__ import annotations

import math

import pytest

from moe_viz.ui.session.profile_view import ProfileView
from moe_viz.ui.specialization import experts, flow
from tests.contract import recount
from tests.contract.made_up import DOMAINS, EXPERTS, LAYERS, TOP_K, profile, traces
from tests.contract.of_profiles import title
from tests.contract.reading import numbers_in
from tests.contract.recording import draw_page
from tests.contract.recount import compare

EVERY = [trace for documents in traces().values() for trace in documents]


@pytest.fixture(scope="module")
def view():
    return ProfileView(profile(), "measured", {})


@pytest.mark.parametrize("site", recount.SITES)
def test_experts(monkeypatch, view, site):
    busy = sorted(range(EXPERTS[site]), key=lambda expert: -recount.overall(site, expert))
    expert = busy[2]

    def part():
        experts.draw_summary(view, site, expert)
        experts.share_and_load(view, site, expert)
        experts.tokens_and_alike(view, site, expert)
        experts.draw_partners(view, site, expert)

    page = draw_page(monkeypatch, part)
    took = sum(recount.taken()[domain, site, expert] for domain in DOMAINS)
    assert page.metrics["Tokens it took"] == f"{took:,}"
    assert page.metrics["Share of all tokens"] == f"{took / recount.tokens():.1%}"
    assert page.metrics["Place by load"] == f"3 of {EXPERTS[site]}"
    marked = view.uses[(view.uses["site"] == site) & (view.uses["expert"] == expert)]["marked"].sum()
    assert page.metrics["Domains marked"] == str(marked)
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
    page = draw_page(monkeypatch, lambda: (flow.draw_layer(view, site, chosen), flow.draw_paths(view, site, chosen)))
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
    """The caption: how many of a token's experts in a layer the named ones make up."""
    sentence = next(line for line in page.said.splitlines() if "The named experts make up" in line)
    parts = sentence.split("The named experts make up ")[1].split(" and ")
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
