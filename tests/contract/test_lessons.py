"""The lessons on routers, parameters, memory, batches and capacity: every figure and number, worked out anew."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from moe_viz.lessons.one_token import logits_of, steps
from moe_viz.lessons.recorded import final
from moe_viz.probes import TITLES
from moe_viz.ui.learn import lessons as room
from moe_viz.ui.learn.lessons import (
    balance,
    batch,
    capacity,
    designs,
    lookup,
    memory,
    myths,
    parameters,
    router,
    specialise,
)
from moe_viz.ui.session.trace_view import TraceView
from tests.contract.contract import holds
from tests.contract.lesson_pages import FIXED, SIZES, page_of, words
from tests.contract.made_up import EXPERTS, LAYERS, TOP_K, one_text


def test_every_lesson_is_tested_here_or_with_the_training():
    files = {path.stem for path in Path(room.__path__[0]).glob("*.py")} - {"__init__", "kind"}
    here = (balance, batch, capacity, designs, lookup, memory, myths, parameters, router, specialise)
    assert files == {module.__name__.rpartition(".")[2] for module in here} | {"learned"}


@pytest.mark.parametrize(("layer", "token", "k"), [(3, 9, 2), (1, 4, 4)])
def test_router(monkeypatch, layer, token, k):
    state = {"router_layer": layer, "router_token": token, "router_k": k, "router_bias": 0.3}
    page = holds(page_of(monkeypatch, router, "router", state), "hidden", "logits", "scores", "sum", "rules")
    done = steps(layer, token, k)
    logits = logits_of(layer, token).tolist()
    shares = [math.exp(logit) / sum(map(math.exp, logits)) for logit in logits]
    chosen = sorted(range(16), key=lambda expert: -logits[expert])[:k]
    table = page.handed_out["router-steps"]
    assert table["logit"].tolist() == pytest.approx(logits)
    assert table["score"].tolist() == pytest.approx(shares)
    for key in ("logits", "scores"):
        assert sorted(page.figure(key).options["chosen"]) == sorted(chosen)
    weights = {expert: shares[expert] / sum(shares[one] for one in chosen) for expert in chosen}
    summed = page.handed_out["weighted-sum"]
    total = np.zeros(len(summed))
    for slot, expert in enumerate(done.chosen.tolist()):
        product = weights[expert] * done.outputs[slot]
        assert summed[f"expert {expert}"].tolist() == pytest.approx(product.tolist(), abs=1e-5)
        total += product
    assert summed["sum"].tolist() == pytest.approx(total.tolist(), abs=1e-5)
    said = page.numbers
    assert said["step_logits"]["first"] == chosen[0]
    assert said["step_logits"]["largest"] == pytest.approx(max(logits))
    assert said["step_choice"]["share"] == pytest.approx(sum(shares[expert] for expert in chosen))
    assert said["step_choice"]["chosen"] == ", ".join(map(str, chosen))
    assert said["step_weights"]["weights"] == " + ".join(f"{weights[expert]:.2f}" for expert in chosen)
    rules = page.handed_out["gating-weights-by-rule"].set_index("expert")
    divided = rules[words("router", "rule_divided")]
    assert {expert: weight for expert, weight in divided.items() if weight} == pytest.approx(weights)
    assert said["rules_same"]["undivided"] == pytest.approx(sum(shares[expert] for expert in chosen))


@pytest.mark.parametrize("name", ["DeepSeek-V3", "Mixtral 8x7B"])
def test_parameters(monkeypatch, name):
    page = holds(page_of(monkeypatch, parameters, "parameters", {"sizes_model": name}), "sizes")
    of = SIZES[name]
    always = sum(of[part] for part in FIXED)
    chosen = of["routed"] * of["top_k"] // (of["experts"] + of["zero_experts"])
    total, active = (always + of["routed"]) / 1e9, (always + chosen) / 1e9
    rows = page.handed_out["total-and-active"].set_index("weights")
    columns = [words("parameters", key) for key in ("part_fixed", "part_chosen", "part_idle")]
    assert rows.loc[words("parameters", "row_total"), columns].sum() == pytest.approx(total)
    assert rows.loc[words("parameters", "row_active"), columns].sum() == pytest.approx(active)
    assert rows.loc[words("parameters", "row_active"), columns[0]] == pytest.approx(always / 1e9)
    sentence, fixed = page.numbers["sentence"], page.numbers["fixed"]
    assert (sentence["total"], sentence["active"], sentence["share"]) == pytest.approx((total, active, active / total))
    assert (sentence["routers"], sentence["top_k"]) == (of["routed_layers"], of["top_k"])
    stated = (always / 1e9, of["routed"] / 1e9, chosen / 1e9)
    assert (fixed["fixed"], fixed["routed"], fixed["chosen"]) == pytest.approx(stated)
    known = {row["model"]: row for row in page.handed_out["parameters"].to_dict("records")}
    assert known[name]["total"] == always + of["routed"]
    assert known[name]["active"] == always + chosen


def test_parameters_of_other_experts(monkeypatch):
    name = "Mixtral 8x7B"
    state = {"sizes_model": name, f"experts of {name}": 12, f"k of {name}": 3}
    page = holds(page_of(monkeypatch, parameters, "parameters", state), "sizes")
    of, changed = SIZES[name], page.numbers["changed"]
    one = of["routed"] // of["experts"]
    routers = of["routers"] // 8 * 12
    always = sum(of[part] for part in FIXED) - of["routers"] + routers
    assert changed["total"] == pytest.approx((always + 12 * one) / 1e9)
    assert changed["active"] == pytest.approx((always + 3 * one) / 1e9)


def test_memory(monkeypatch):
    monkeypatch.setattr(memory, "engine", lambda: SimpleNamespace(state="loading"))
    state = {"memory_model": "DeepSeek-V3", "memory_precision": "float8 / int8", "memory_speed": 40}
    page = holds(page_of(monkeypatch, memory, "memory", state), "memory")
    of = SIZES["DeepSeek-V3"]
    always = sum(of[part] for part in FIXED)
    chosen = of["routed"] * of["top_k"] // of["experts"]
    rows = page.handed_out["memory-of-one-model"].set_index("precision")
    for precision, bits in {"float32": 32, "bfloat16": 16, "float8 / int8": 8, "int4": 4}.items():
        used, waiting = (rows.loc[precision, words("memory", key)] for key in ("part_used", "part_waiting"))
        assert used == pytest.approx((always + chosen) * bits / 8e9)
        assert used + waiting == pytest.approx((always + of["routed"]) * bits / 8e9)
    needs, fetch = page.numbers["needs"], page.numbers["fetch"]
    held, used = (always + of["routed"]) / 1e9, (always + chosen) / 1e9
    assert (needs["held"], needs["used"], needs["share"]) == pytest.approx((held, used, used / held))
    assert page.numbers["fits_none" if held > 1128 else "fits"]["device"] == "8 × H200, 1,128 GB"
    assert (fetch["kept"], fetch["each"]) == pytest.approx((always / 1e9, chosen / 1e9))
    assert fetch["seconds"] == pytest.approx(chosen / 1e9 / 40)
    assert fetch["rate"] == pytest.approx(40 / (chosen / 1e9))


def test_batch(monkeypatch):
    page = page_of(monkeypatch, batch, "batch", {"batch_kind": "law", "batch_model": "DeepSeek-V3", "batch_tokens": 64})
    holds(page, "used", "reads")
    last, at = final(), page.numbers["measured"]
    for column, ids in (("mixed", last.expert_ids), ("alone", last.of("law"))):
        tokens, missed = ids.shape[1], 0.0
        for site in ids:
            counts = Counter(site.ravel().tolist())
            missed += sum(
                math.comb(tokens - counts[expert], 8) / math.comb(tokens, 8) for expert in range(last.experts)
            )
        assert at[column] == pytest.approx(last.experts - missed / len(ids))
        name = words("batch", "line_mixed") if column == "mixed" else words("batch", "line_kind", kind=TITLES["law"])
        table = page.handed_out["distinct-experts"].set_index("tokens")
        assert table.loc[8, name] == pytest.approx(at[column])
    assert at["uniform"] == pytest.approx(16 * (1 - (1 - 2 / 16) ** 8))
    of, reads = SIZES["DeepSeek-V3"], page.numbers["reads"]
    share = 1 - (1 - of["top_k"] / of["experts"]) ** 64
    assert reads["share"] == pytest.approx(share)
    assert (reads["n"], reads["model"]) == (64, "DeepSeek-V3")
    assert reads["each"] == pytest.approx(reads["gigabytes"] / 64)
    each = page.handed_out["gigabytes-per-token"].set_index("tokens")["DeepSeek-V3"]
    assert (each[64], each[1]) == pytest.approx((reads["each"], reads["single"]))


@pytest.mark.parametrize("factor", [0.5, 1.25])
def test_capacity(monkeypatch, factor):
    text, site = one_text(), 2
    monkeypatch.setattr(capacity, "_read", lambda name, words: TraceView(text, "measured", None))
    monkeypatch.setattr(capacity, "model_name", lambda: "made up")
    monkeypatch.setattr(capacity, "text_of_link", lambda: None)
    state = {"capacity_factor": factor, "layer of made up": LAYERS[site]}
    page = holds(page_of(monkeypatch, capacity, "capacity", state), "wanted", "chosen")
    experts, k = EXPERTS[site], TOP_K[site]
    room = math.ceil(len(text) * k / experts * factor)
    left = dict.fromkeys(range(experts), room)
    wanted: Counter = Counter()
    lost = {}
    for rank in range(k):
        for token in range(len(text)):
            expert = int(text.expert_ids[site, token, rank])
            wanted[expert] += 1
            left[expert] -= 1
    table = page.handed_out["capacity"]
    assert page.handed_out["wanted"]["tokens"].tolist() == [wanted[expert] for expert in range(experts)]
    assert page.figure("wanted").options["line"][0] == room
    assert page.figure("wanted").options["chosen"] == [e for e in range(experts) if wanted[e] > room]
    gone = sum(max(0, count - room) for count in wanted.values())
    assert table["lost"].sum() == gone
    for row in table.to_dict("records"):
        assert row["expert"] == text.expert_ids[site, row["position"], row["choice"] - 1]
        lost.setdefault(row["position"], []).append(row["lost"])
    metrics = {key: page.metrics[words("capacity", key)] for key in ("places", "lost", "without", "unused")}
    kept = len(text) * k - gone
    assert metrics == {
        "places": str(room),
        "lost": f"{gone / (len(text) * k):.0%}",
        "without": str(sum(all(each) for each in lost.values())),
        "unused": f"{1 - kept / (room * experts):.0%}",
    }
    said = page.numbers["explain"]
    assert (said["room"], said["wanted"]) == (room, max(wanted.values()))
    assert wanted[said["busiest"]] == said["wanted"]
    assert said["even"] == pytest.approx(len(text) * k / experts)
    logits = text.router_logits[site, :, :experts].astype(float)
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    takes = Counter()
    for expert in range(experts):
        takes.update(sorted(range(len(text)), key=lambda token: -scores[token, expert])[:room])
    counted = page.handed_out["chosen"].set_index("experts")["tokens"]
    assert counted.to_dict() == {n: sum(takes[t] == n for t in range(len(text))) for n in counted.index}
    assert (page.numbers["choice"]["none"], page.numbers["choice"]["most"]) == (counted[0], counted.index.max())
