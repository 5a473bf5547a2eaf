"""Training: the figures of two made-up recordings against their tables, and these against what was recorded."""

from __future__ import annotations

import numpy as np
import pytest

from moe_viz.components.routing_map.pack import AT_FIRST
from moe_viz.data.provenance import Provenance
from moe_viz.data.router_site import RouterSite
from moe_viz.data.training_recording import TrainingRecording
from moe_viz.ui.learn import training
from moe_viz.ui.learn.lessons import learned
from moe_viz.ui.learn.recordings import Recording
from tests.contract.contract import holds
from tests.contract.reading import same
from tests.contract.recording import draw_page

UPDATES = {"balanced": [0, 3, 1200, 4000], "unbalanced": [0, 3, 1200]}
MEASURES = {
    "Domain information": "domain_information",
    "Load": "max_violation",
    "Effective experts": "effective_experts",
    "Router saturation": "router_saturation",
    "Loss": "loss",
}


def lapse(file: str, seed: int) -> TrainingRecording:
    """Three domains with unlike numbers of texts; two routers of five experts, top-2."""
    rng = np.random.default_rng(seed)
    frames, domains = len(UPDATES[file]), np.array([2, 0, 0, 1, 2, 0], dtype=np.uint8)
    counts = rng.integers(0, 90, (frames, len(domains), 2, 5)) * (rng.random((frames, 1, 2, 5)) < 0.8)
    tokens = 14
    return TrainingRecording(
        provenance=Provenance("demo", None, "qwen3_moe", "float32", "cpu", "kept", (), "2026-01-01"),
        sites=tuple(RouterSite(f"m.{layer}", layer, 5, 2) for layer in range(2)),
        balance=0.02,
        tokens_per_update=700,
        updates=np.array(UPDATES[file]),
        domains=("verse", "law", "chess"),
        losses=rng.random((frames, 3)).astype(np.float32) * 9,
        counts=counts.astype(np.uint16),
        text_domain=domains,
        watched=np.array([0, 3], dtype=np.uint16),
        token_ids=np.arange(tokens, dtype=np.uint16),
        tokens=tuple(f" w{i}" for i in range(tokens)),
        token_names=tuple(f"w{i}" for i in range(tokens)),
        token_text=np.repeat(np.array([0, 3], dtype=np.uint16), tokens // 2),
        expert_ids=np.argsort(rng.random((frames, 2, tokens, 5)), axis=-1)[..., :2].astype(np.uint8),
        gate_weights=np.full((frames, 2, tokens, 2), 0.5, dtype=np.float16),
    )


BOTH = {file: lapse(file, seed) for seed, file in enumerate(UPDATES)}
RECORDINGS = (
    Recording("With load balancing", "balanced", BOTH["balanced"]),
    Recording("Without load balancing", "unbalanced", BOTH["unbalanced"]),
)


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    monkeypatch.setattr(training, "recordings", lambda: RECORDINGS)
    monkeypatch.setattr(learned, "recordings", lambda: RECORDINGS)


def loads(file: str, frame: int, layer: int) -> list[float]:
    """Each expert's load, every domain weighing the same, choice by choice."""
    recorded, shares = BOTH[file], []
    for domain in range(3):
        texts = np.flatnonzero(recorded.text_domain == domain)
        own = [sum(int(recorded.counts[frame, text, layer, expert]) for text in texts) for expert in range(5)]
        shares.append([count / sum(own) for count in own])
    return [sum(share[expert] for share in shares) / 3 for expert in range(5)]


@pytest.mark.parametrize("measure", MEASURES)
def test_charts(monkeypatch, measure):
    page = draw_page(monkeypatch, training.charts, {"measure": measure})
    holds(page, "chart With load balancing", "chart Without load balancing")
    slug, column = measure.lower().replace(" ", "-"), MEASURES[measure]
    for recording in RECORDINGS:
        table = page.handed_out[f"{slug}-{recording.file}"]
        assert page.figure(f"chart {recording.name}").table is table
        if column == "loss":
            stated = {
                (updates, domain): BOTH[recording.file].losses[frame, at]
                for frame, updates in enumerate(UPDATES[recording.file])
                for at, domain in enumerate(BOTH[recording.file].domains)
            }
            same({(r["updates"], r["domain"]): r["loss"] for r in table.to_dict("records")}, stated)
            continue
        drawn = {(r["updates"], r["layer"]): r[column] for r in table.to_dict("records")}
        same(drawn, {at: measured(recording.file, *at, column) for at in drawn})


def mean(column: str, updates: int) -> float:
    """Over both layers of the balanced recording."""
    return (measured("balanced", updates, 0, column) + measured("balanced", updates, 1, column)) / 2


def measured(file: str, updates: int, layer: int, column: str) -> float:
    frame = UPDATES[file].index(updates)
    own = loads(file, frame, layer)
    if column == "max_violation":
        return max(own) * 5 - 1
    if column == "effective_experts":
        return float(np.exp(-sum(load * np.log(load) for load in own if load)))
    if column == "router_saturation":
        ids = BOTH[file].expert_ids
        shared = [
            len(set(now) & set(end)) / 2
            for now, end in zip(ids[frame, layer].tolist(), ids[-1, layer].tolist(), strict=True)
        ]
        return sum(shared) / len(shared)
    bits = 0.0
    for domain in range(3):
        texts = BOTH[file].text_domain == domain
        counts = BOTH[file].counts[frame, texts, layer].astype(float).sum(axis=0)
        shares = counts / counts.sum()
        bits += sum(p / 3 * np.log2(p / own[expert]) for expert, p in enumerate(shares) if p)
    return bits


@pytest.mark.parametrize("after", [3, 1200])
def test_loads(monkeypatch, after):
    page = holds(draw_page(monkeypatch, lambda: training.draw_loads(after)), *(f"loads {r.name}" for r in RECORDINGS))
    for recording in RECORDINGS:
        table = page.handed_out[f"load-of-experts-{recording.file}"]
        assert page.figure(f"loads {recording.name}").table is table
        frame = UPDATES[recording.file].index(after)
        drawn = {(r["layer"], r["expert"]): r["load"] for r in table.to_dict("records")}
        same(drawn, {(layer, e): loads(recording.file, frame, layer)[e] for layer in range(2) for e in range(5)})


@pytest.mark.parametrize("measure", ["domain_information", "router_saturation", "max_violation"])
def test_the_lesson_on_learning(monkeypatch, measure):
    from moe_viz.lessons.texts import lessons

    state = {"learned_after": 1200, "learned_measure": measure}
    page = draw_page(monkeypatch, lambda: learned.draw(lessons()["learned"]), state)
    holds(page, "learned measure", "learned loads")
    table = page.figure("learned measure").table
    for row in table.to_dict("records"):
        for layer in range(2):
            assert row[f"layer {layer}"] == pytest.approx(measured("balanced", row["updates"], layer, measure))
    now = page.numbers["now"]
    assert (now["updates"], now["tokens"]) == (1200, 1200 * 700 / 1e6)
    assert now["share"] == pytest.approx(1200 / 4000)
    assert (now["saturation"], now["information"], now["violation"]) == pytest.approx(
        tuple(mean(column, 1200) for column in ("router_saturation", "domain_information", "max_violation"))
    )
    assert now["end"] == pytest.approx(mean("domain_information", 4000))
    assert page.figure("learned measure").options["marked"] == UPDATES["balanced"].index(1200)
    loads_drawn = page.figure("learned loads").table
    assert loads_drawn["load"].tolist()[:5] == pytest.approx(loads("balanced", 2, 0))


def test_the_watched_text_is_that_of_the_moment(monkeypatch):
    shown = []
    monkeypatch.setattr(training, "map_alone", lambda of, key: shown.append(of))
    monkeypatch.setattr(training, "initial_of_link", lambda trace: AT_FIRST)
    state = {"watched text": 3, "run": "Without load balancing"}
    page = draw_page(monkeypatch, lambda: training.watched_text(1200), state)
    recorded = BOTH["unbalanced"]
    own = recorded.expert_ids[2][:, recorded.token_text == 3]
    assert shown[0].trace.expert_ids.tolist() == own.tolist()
    rows = page.handed_out["watched-text"]
    assert len(rows) == own.size
    assert sorted(rows["expert"]) == sorted(own.ravel().tolist())
