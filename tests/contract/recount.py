"""The made-up corpus counted anew, choice by choice, without any of the house's arithmetic."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from functools import cache

from tests.contract.made_up import DOMAINS, EXPERTS, LAYERS, TOP_K, traces
from tests.contract.reading import same

SITES = range(len(LAYERS))


def choices(documents):
    """(site, token, rank, expert, weight) of every choice of some texts, each text with a number."""
    for number, trace in enumerate(documents):
        for site in SITES:
            for token in range(len(trace)):
                for rank in range(TOP_K[site]):
                    expert = int(trace.expert_ids[site, token, rank])
                    yield number, site, token, rank, expert, float(trace.gate_weights[site, token, rank])


@cache
def taken() -> Counter:
    """(domain, site, expert) → tokens."""
    found: Counter = Counter()
    for domain, documents in traces().items():
        for _number, site, _token, _rank, expert, _weight in choices(documents):
            found[domain, site, expert] += 1
    return found


def tokens(domain: str | None = None) -> int:
    return sum(len(trace) for name, documents in traces().items() for trace in documents if domain in (None, name))


def use(domain: str, site: int, expert: int) -> float:
    """Share of the domain's tokens that took the expert."""
    return taken()[domain, site, expert] / tokens(domain)


def overall(site: int, expert: int) -> float:
    return sum(taken()[domain, site, expert] for domain in DOMAINS) / tokens()


def difference(domain: str, site: int, expert: int) -> float:
    others = [use(other, site, expert) for other in DOMAINS if other != domain]
    return use(domain, site, expert) - sum(others) / len(others)


def expert_rows(documents) -> dict[tuple[int, int], dict[str, float]]:
    """One row per expert: count, load, uniform_difference, mean_gating_weight."""
    counts: Counter = Counter()
    weights: Counter = Counter()
    for _number, site, _token, _rank, expert, weight in choices(documents):
        counts[site, expert] += 1
        weights[site, expert] += weight
    rows = {}
    for site in SITES:
        total = sum(counts[site, expert] for expert in range(EXPERTS[site]))
        for expert in range(EXPERTS[site]):
            count = counts[site, expert]
            rows[site, expert] = {
                "layer": LAYERS[site],
                "count": count,
                "load": count / total,
                "uniform_difference": count / total * EXPERTS[site] - 1,
                "mean_gating_weight": weights[site, expert] / count if count else math.nan,
            }
    return rows


def layer_rows(documents) -> dict[int, dict[str, float]]:
    """One row per router: how evenly it spreads these texts."""
    rows = {}
    experts = expert_rows(documents)
    for site in SITES:
        loads = [experts[site, expert]["load"] for expert in range(EXPERTS[site])]
        count, even = len(loads), 1 / len(loads)
        entropy = -sum(load * math.log(load) for load in loads if load)
        rows[site] = {
            "layer": LAYERS[site],
            "num_experts": count,
            "top_k": TOP_K[site],
            "load_entropy_normalized": entropy / math.log(count),
            "effective_experts": math.exp(entropy),
            "max_violation": (max(loads) - even) / even,
            "coefficient_of_variation": math.sqrt(sum((load - even) ** 2 for load in loads) / count) / even,
            "gini": sum(abs(a - b) for a in loads for b in loads) / (2 * count),
            "unused_experts": sum(load == 0 for load in loads),
            "dead_experts": sum(load < 0.1 * even for load in loads),
        }
    return rows


def repetition_rows(documents) -> dict[int, dict[str, float]]:
    """One row per router: how often neighbours of one text go the same way, and by chance."""
    rows = {}
    for site in SITES:
        first = either = pairs = 0
        firsts: Counter = Counter()
        for trace in documents:
            ids = trace.expert_ids[site, :, : TOP_K[site]].tolist()
            for before, after in itertools.pairwise(ids):
                pairs += 1
                first += before[0] == after[0]
                either += bool(set(before) & set(after))
            firsts.update(row[0] for row in ids)
        total, experts, k = sum(firsts.values()), EXPERTS[site], TOP_K[site]
        rows[site] = {
            "layer": LAYERS[site],
            "first": first / pairs,
            "either": either / pairs,
            "first_chance_at_load": sum((count / total) ** 2 for count in firsts.values()),
            "either_chance": 1 - math.comb(experts - k, k) / math.comb(experts, k),
        }
    return rows


@cache
def bits(*, first: bool) -> list[float]:
    """Mutual information of domain and expert, domains weighing the same, by router."""
    found = []
    for site in SITES:
        joint: dict[tuple[str, int], float] = {}
        for domain, documents in traces().items():
            counts: Counter = Counter()
            for _number, at, _token, rank, expert, _weight in choices(documents):
                if at == site and (rank == 0 or not first):
                    counts[expert] += 1
            total = sum(counts.values())
            joint |= {(domain, expert): n / total / len(DOMAINS) for expert, n in counts.items()}
        by_expert: Counter = Counter()
        for (_domain, expert), p in joint.items():
            by_expert[expert] += p
        found.append(sum(p * math.log2(p * len(DOMAINS) / by_expert[expert]) for (_d, expert), p in joint.items()))
    return found


@cache
def both(site: int, other: int) -> Counter:
    """(expert of the one router, expert of the other) → tokens that took both."""
    found: Counter = Counter()
    for documents in traces().values():
        for trace in documents:
            for token in range(len(trace)):
                for a in trace.expert_ids[site, token, : TOP_K[site]].tolist():
                    for b in trace.expert_ids[other, token, : TOP_K[other]].tolist():
                        found[a, b] += 1
    return found


def compare(table, rows, key: list[str]) -> None:
    """A table's rows by name against the same rows counted anew, every column that was counted."""
    records = {tuple(row[name] for name in key): row for row in table.to_dict("records")}
    assert len(records) == len(table)
    rows = {at if isinstance(at, tuple) else (at,): row for at, row in rows.items()}
    for column in next(iter(rows.values())):
        same({at: row[column] for at, row in records.items()}, {at: row[column] for at, row in rows.items()}, rel=1e-4)
