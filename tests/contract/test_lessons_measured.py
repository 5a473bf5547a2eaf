"""The lessons on balance, specialists, designs and what people get wrong: every figure and number, worked out anew."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from moe_viz.lessons.recorded import recording
from moe_viz.lessons.small_moe import EXPERTS as SMALL
from moe_viz.lessons.small_moe import Recipe, Report
from moe_viz.probes import TITLES
from moe_viz.ui.learn.lessons import (
    balance,
    designs,
    lookup,
    myths,
    specialise,
)
from moe_viz.ui.session.profile_view import ProfileView
from moe_viz.ui.widgets.numbers import folded_tables
from tests.contract import recount
from tests.contract.contract import holds
from tests.contract.lesson_pages import FIXED, SIZES, page_of, words
from tests.contract.made_up import DOMAINS, EXPERTS, LAYERS, TOP_K, profile, traces
from tests.contract.reading import same


def test_balance(monkeypatch):
    rng = np.random.default_rng(1)

    def run(kind, count):
        made = [rng.dirichlet(np.ones(SMALL)).tolist() for _ in range(count)]
        every = balance.REPORT_EVERY
        reports = [Report(every * i, loads, max(loads) * SMALL - 1, 3.0 - i / 10) for i, loads in enumerate(made)]
        return SimpleNamespace(running=False, reports=reports, recipe=Recipe(kind))

    runs = {"loss": run("loss", 5), "none": run("none", 3)}
    page = page_of(monkeypatch, balance, "balance", {"trainings": runs})
    holds(page, "violations", "loads loss", "loads none", "twin")
    violations = page.handed_out["violations"].set_index("step")
    for kind, one in runs.items():
        assert violations[words("balance", kind)].dropna().to_dict() == {r.step: r.max_violation for r in one.reports}
        assert page.handed_out[f"loads-{kind}"]["load"].tolist() == one.reports[-1].loads
    assert page.numbers["result"] == {
        "kind": words("balance", "none"),
        "step": 2 * balance.REPORT_EVERY,
        "violation": runs["none"].reports[-1].max_violation,
        "loss": runs["none"].reports[-1].loss,
    }
    _twin(page)


def _twin(page) -> None:
    """The worst layer and the dead of both recordings, at the last moment that both have."""
    said = page.numbers["collapsed"]
    for name, worst, dead, column in (("balanced", "ours", "alive", "with"), ("unbalanced", "twin", "dead", "without")):
        lapse = recording(name)
        frame = lapse.updates.tolist().index(said["updates"])
        violations, dead_ones = [], 0
        for layer in range(len(lapse.sites)):
            shares = np.zeros(16)
            for domain in range(len(lapse.domains)):
                own = lapse.counts[frame, lapse.text_domain == domain, layer].astype(float).sum(axis=0)
                shares += own / own.sum() / len(lapse.domains)
            violations.append(16 * shares.max() - 1)
            dead_ones += int((shares < 0.1 / 16).sum())
        assert said[worst] == pytest.approx(max(violations))
        assert said[dead] == dead_ones
        table = page.handed_out["worst-layer"].set_index("updates")
        assert table.loc[said["updates"], words("balance", column)] == pytest.approx(max(violations))


def test_specialise(monkeypatch):
    view = ProfileView(profile(), "measured", {})
    monkeypatch.setattr(specialise, "recorded", lambda: view)
    guessed = profile().domains.index("chess")
    state = {"specialise shown": True, "guess kind": guessed, "guess bits": 0.7, "specialise_story": "python"}
    page = page_of(monkeypatch, specialise, "specialise", state)
    holds(page, "most own", "specialise bits", "specialise token", "story")
    own = {}
    for domain in DOMAINS:
        cells = [(recount.difference(domain, s, e), s, e) for s in recount.SITES for e in range(EXPERTS[s])]
        own[domain] = max(cells)
    rows = page.handed_out["most-own"].set_index("domain")
    assert rows["difference"].is_monotonic_decreasing
    for domain, (difference, site, expert) in own.items():
        row = rows.loc[domain]
        assert (row["site"], row["expert"]) == (site, expert)
        assert row["name"] == TITLES.get(domain, domain)
        assert (row["difference"], row["share"]) == pytest.approx((difference, recount.use(domain, site, expert)))
    place = list(rows.index).index("chess")
    said = page.numbers["own_wrong" if place else "own_right"]
    difference, site, expert = own["chess"]
    assert (said["kind"], said["expert"], said["layer"]) == (TITLES["chess"], expert, LAYERS[site])
    assert said["share"] - said["others"] == pytest.approx(difference)
    first = rows.iloc[0]
    assert (said["difference"], said["low"], said["high"]) == pytest.approx(
        (first["difference"], first["low"], first["high"])
    )
    assert sorted(page.figure("most own").options["chosen"]) == sorted({0, place})
    _bits_said(page)
    _story(page, *own["python"][1:])


def _bits_said(page) -> None:
    bits, said = recount.bits(first=False), page.numbers["bits_answer"]
    assert (said["guess"], said["best"], said["mean"]) == pytest.approx((0.7, max(bits), sum(bits) / len(bits)))
    assert said["layer"] == LAYERS[bits.index(max(bits))]
    table = page.handed_out["domain-information"]
    best = table.iloc[bits.index(max(bits))]
    assert (said["low"], said["high"], said["null"]) == pytest.approx(
        (best["low"], best["high"], table["null_largest"].max())
    )
    assert page.figure("specialise bits").options["guess"][0] == 0.7
    told = page.numbers["token_answer"]
    left = table["left_bits"].tolist()
    assert (told["early"], told["late"]) == (LAYERS[left.index(min(left))], LAYERS[left.index(max(left))])
    assert (told["early_left"], told["late_left"]) == (min(left), max(left))
    assert told["early_all"] == pytest.approx(recount.bits(first=True)[left.index(min(left))])


def _story(page, site: int, expert: int) -> None:
    shares = {domain: recount.use(domain, site, expert) for domain in DOMAINS}
    even = TOP_K[site] / EXPERTS[site]
    table = page.handed_out["share-by-kind"].set_index("name")["share"]
    assert table.is_monotonic_decreasing
    same(table.to_dict(), {TITLES.get(domain, domain): share for domain, share in shares.items()})
    options = page.figure("story").options
    assert options["line"][0] == pytest.approx(even)
    assert [table.index[at] for at in options["chosen"]] == [TITLES["python"]]
    besides = [domain for domain in DOMAINS if domain != "python" and shares[domain] > even]
    said = page.numbers["story_besides" if besides else "story_alone"]
    assert (said["expert"], said["layer"]) == (expert, LAYERS[site])
    assert (said["share"], said["even"]) == pytest.approx((shares["python"], even))
    assert said["work"] == pytest.approx(shares["python"] / sum(shares.values()))
    if besides:
        most = max(besides, key=lambda domain: shares[domain])
        assert (said["other"], said["count"]) == (TITLES.get(most, most), len(besides))
        assert said["besides"] == pytest.approx(shares[most])


def test_designs(monkeypatch):
    page = page_of(monkeypatch, designs, "designs", {"design": "first"})
    (left, right) = page.figures
    holds(page, left.key, right.key)
    name = left.key.removeprefix("layers ")
    of = SIZES[name]
    always = sum(of[part] for part in FIXED)
    chosen = of["routed"] * of["top_k"] // (of["experts"] + of["zero_experts"])
    rows = page.handed_out["designs"].set_index("model").loc[name]
    assert rows[words("designs", "row_total")] == f"{(always + of['routed']) / 1e9:,.1f}"
    assert rows[words("designs", "row_active")] == f"{(always + chosen) / 1e9:,.1f}"
    assert rows[words("designs", "row_part")] == f"{(always + chosen) / (always + of['routed']):.1%}"
    assert left.table["routed"].sum() == of["routed_layers"]
    assert (left.table["experts"].max(), left.table["top_k"].max()) == (of["experts"], of["top_k"])


def test_lookup(monkeypatch):
    view = ProfileView(profile(), "measured", {})
    monkeypatch.setattr(lookup, "recorded", lambda: view)
    monkeypatch.setattr(designs, "recorded", lambda: view)
    part = SimpleNamespace(draw=lambda lesson: folded_tables(lookup.lookup(lesson)))
    page = holds(page_of(monkeypatch, part, "designs", {"hash_layer": LAYERS[2]}), "lookup", "agreement")
    firsts = Counter(
        int(trace.expert_ids[2, token, 0])
        for documents in traces().values()
        for trace in documents
        for token in range(len(trace))
        if trace.token_ids[token] == 4
    )
    met = sum(firsts.values())
    table = page.handed_out["first-choices"]
    assert {row["expert"]: row["share"] for row in table.to_dict("records") if row["share"]} == {
        expert: pytest.approx(count / met) for expert, count in firsts.items()
    }
    said = page.numbers["hash_learned"]
    assert (said["layer"], said["used"], said["first"]) == (LAYERS[2], len(firsts), firsts.most_common(1)[0][0])
    agree = page.handed_out["agreement"].set_index("layer").iloc[:, 0]
    assert agree[LAYERS[2]] == pytest.approx(max(firsts.values()) / met)
    told = page.numbers["hash_agree"]
    assert (told["early"], told["early_layer"]) == (pytest.approx(agree.max()), agree.idxmax())
    assert (told["late"], told["late_layer"]) == (pytest.approx(agree.min()), agree.idxmin())


def test_myths(monkeypatch):
    state = {f"myth {myth}": words("myths", "false") for myth, _answer in myths._MYTHS}
    page = holds(page_of(monkeypatch, myths, "myths", state), "expert")
    lapse = recording()
    best = (0.0, "", 0, 0)
    shares = {}
    for at, domain in enumerate(lapse.domains):
        counts = lapse.counts[-1, lapse.text_domain == at].astype(float).sum(axis=0)
        use = 2 * counts / counts.sum(axis=1, keepdims=True)
        shares[domain] = use
        layer, expert = np.unravel_index(use.argmax(), use.shape)
        best = max(best, (float(use.max()), domain, int(layer), int(expert)))
    share, domain, layer, expert = best
    said = page.numbers["topic_answer"]
    assert (said["expert"], said["layer"], said["domain"]) == (expert, layer, TITLES[domain])
    assert (said["share"], said["even"]) == pytest.approx((share, 2 / 16))
    rows = page.handed_out["share-by-kind"]
    assert rows["share"].is_monotonic_decreasing
    same(
        dict(zip(rows["name"], rows["share"], strict=True)),
        {TITLES[name]: use[layer, expert] for name, use in shares.items()},
    )
    of = SIZES["DeepSeek-V3"]
    always = sum(of[part] for part in FIXED)
    answer = page.numbers["uses_all_answer"]
    assert answer["large_total"] == pytest.approx((always + of["routed"]) / 1e9)
    assert answer["large_active"] == pytest.approx((always + of["routed"] * of["top_k"] // of["experts"]) / 1e9)
