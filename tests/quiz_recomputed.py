"""Which choices of a question are right, worked out again from the tables of the traces alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd

from moe_viz.data.trace import RoutingTrace
from moe_viz.quiz.question import GIVEN, Passage, Question


def right_choices(question: Question, traces: Mapping[str, RoutingTrace]) -> list[bool]:
    """Whether each choice is right; `traces` by the names of their texts."""
    return _OF[question.kind](question, traces)


def _rows(question: Question, trace: RoutingTrace, layer: str | None = None) -> pd.DataFrame:
    rows = trace.to_frame().dropna(subset=["expert"])
    return rows[rows["layer"] == int(layer or question.numbers["layer"])]


def _places(passage: Passage, trace: RoutingTrace) -> dict[int, list[int]]:
    """Where in the text the marked tokens of a passage stand, by their mark."""
    size = len(passage.tokens)
    starts = [s for s in range(len(trace) - size + 1) if trace.tokens[s : s + size] == passage.tokens]
    assert starts
    assert passage.cut_before == (starts[0] > 0)
    places: dict[int, list[int]] = {}
    for place, mark in passage.marks.items():
        places.setdefault(mark, []).append(starts[0] + place)
    return places


def _first(rows: pd.DataFrame) -> int:
    return int(rows.sort_values("gate_weight")["expert"].iloc[-1])


def _same_expert(question, traces):
    (passage,) = question.passages
    rows = _rows(question, traces[passage.name])
    at = {mark: rows[rows["position"] == places[0]] for mark, places in _places(passage, traces[passage.name]).items()}
    assert _first(at[GIVEN]) == question.numbers["expert"]
    return [question.numbers["expert"] in set(at[i]["expert"]) for i in range(len(question.choices))]


def _how_many(question, traces):
    (passage,) = question.passages
    asked = _places(passage, traces[passage.name])[GIVEN]
    assert len(asked) == question.numbers["tokens"]
    rows = _rows(question, traces[passage.name])
    distinct = rows[rows["position"].isin(asked)]["expert"].nunique()
    return [choice.values["distinct"] == distinct for choice in question.choices]


def _shares(trace: RoutingTrace, layer: str) -> list[list[float]]:
    site = int(layer)
    rows = []
    for logits in trace.router_logits[site].astype(np.float64)[:, : trace.sites[site].num_experts]:
        scores = np.exp(logits) if trace.sites[site].scoring.function == "softmax" else 1 / (1 + np.exp(-logits))
        rows.append((scores / scores.sum()).tolist())
    return rows


def _least_sure(question, traces):
    (passage,) = question.passages
    trace = traces[passage.name]
    shares, places = _shares(trace, question.numbers["layer"]), _places(passage, trace)
    nats = [-sum(p * np.log(p) for p in shares[places[i][0]] if p) for i in range(len(question.choices))]
    assert np.allclose(nats, [choice.values["nats"] for choice in question.choices])
    return [value == max(nats) for value in nats]


def _distance(one: pd.DataFrame, other: pd.DataFrame) -> float:
    """What of the one's work finds no counterpart in the other's: 1 less what they have in common."""
    a, b = Counter(one["expert"]), Counter(other["expert"])
    return 1 - sum(min(a[e] / a.total(), b[e] / b.total()) for e in a)


def _layer_apart(question, traces):
    one, other = (traces[question.numbers[key]] for key in ("text_one", "text_other"))
    layers = [choice.values["layer"] for choice in question.choices]
    distances = [_distance(_rows(question, one, layer), _rows(question, other, layer)) for layer in layers]
    assert np.allclose(distances, [choice.values["distance"] for choice in question.choices])
    return [distance == max(distances) for distance in distances]


def _same_token(question, traces):
    places = [(p, _places(p, traces[p.name])[GIVEN][0]) for p in question.passages]
    ids = {int(traces[p.name].token_ids[at]) for p, at in places}
    assert len(ids) == 1
    same = []
    for site in traces[places[0][0].name].sites:
        if site.top_k < site.num_experts:
            rows = [_rows(question, traces[p.name], str(site.layer)) for p, _ in places]
            firsts = [table[table["position"] == at] for table, (_, at) in zip(rows, places, strict=True)]
            same.append(all(len(f) for f in firsts) and _first(firsts[0]) == _first(firsts[1]))
    assert (len(same), sum(same)) == (question.numbers["layers"], question.numbers["same"])
    share = sum(same) / len(same)
    holds = {"every": share == 1, "most": 0.5 < share < 1, "few": 0 < share < 0.5, "none": share == 0}
    return [holds[choice.key] for choice in question.choices]


def _share_held(question, traces):
    (passage,) = question.passages
    trace = traces[passage.name]
    shares = _shares(trace, question.numbers["layer"])
    rows = _rows(question, trace)
    held = sum(shares[p][e] for p, e in zip(rows["position"], rows["expert"], strict=True)) / len(trace)
    return [abs(choice.values["share"] - held) < 1e-6 for choice in question.choices]


def _hidden_text(question, traces):
    halves = []
    for passage in question.passages:
        rows, cut = _rows(question, traces[passage.name]), len(traces[passage.name]) // 2
        halves.append((rows[rows["position"] < cut], rows[rows["position"] >= cut]))
    table = question.evidence
    hidden = table[table["choice"] == GIVEN].set_index("expert")["load"]
    truths = []
    for _, second in halves:
        load = second["expert"].value_counts(normalize=True).reindex(hidden.index, fill_value=0.0)
        truths.append(bool(np.allclose(load.to_numpy(float), hidden.to_numpy(float))))
    own = halves[question.right][1]
    distances = [_distance(first, own) for first, _ in halves]
    assert np.allclose(distances, [choice.values["distance"] for choice in question.choices])
    assert min(distances) == distances[question.right]
    return truths


_OF = {
    "same_expert": _same_expert,
    "how_many": _how_many,
    "least_sure": _least_sure,
    "layer_apart": _layer_apart,
    "same_token": _same_token,
    "share_held": _share_held,
    "hidden_text": _hidden_text,
}
