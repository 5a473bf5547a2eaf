"""An invented profile of a million tokens: 16 layers × 64 experts, top-8, 20 domains of 50 documents."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from moe_viz.data.provenance import Provenance
from moe_viz.data.router_site import RouterSite
from moe_viz.data.routing import Routing
from moe_viz.profiles.corpus_run import CorpusRun
from moe_viz.profiles.expert_profile import ExpertProfile
from moe_viz.profiles.merge import merged
from moe_viz.profiles.routed_batch import RoutedWindow

SITES, EXPERTS, TOP_K = 16, 64, 8
DOMAINS, DOCUMENTS, TOKENS = 20, 50, 1000
VOCABULARY = 50_000
TOGETHER = 8
"""How many parts are added up at a time."""


def large_profile() -> ExpertProfile:
    """Tokens as unevenly frequent as words; their experts follow the token, the domain, or neither."""
    sites = tuple(RouterSite(f"model.layers.{site}.mlp", site, EXPERTS, TOP_K) for site in range(SITES))
    provenance = Provenance("invented", None, "invented", "float32", "none", "benchmarks", (), "2026-01-01T00:00:00")
    run = CorpusRun(provenance, "invented", None, None, DOMAINS * DOCUMENTS, 0, DOMAINS * DOCUMENTS * TOKENS, "", True)
    parts: list[ExpertProfile] = []
    for windows in _documents():
        parts.append(ExpertProfile.of_windows(windows, sites, run))
        if len(parts) == TOGETHER:
            parts = [merged(parts, (run,))]
    return merged(parts, (run,))


def _documents() -> Iterator[list[RoutedWindow]]:
    """Some documents of one domain at a time."""
    rng = np.random.default_rng(0)
    frequency = 1 / np.arange(10, VOCABULARY + 10)
    frequency /= frequency.sum()
    of_token = rng.integers(EXPERTS, size=(SITES, VOCABULARY))
    for domain in range(DOMAINS):
        of_domain = rng.integers(EXPERTS, size=(SITES, 1))
        for some in np.split(np.arange(DOCUMENTS), 10):
            windows = []
            for document in some:
                ids = rng.choice(VOCABULARY, TOKENS, p=frequency).astype(np.int32)
                kind = rng.random((SITES, TOKENS))
                by_chance = rng.integers(EXPERTS, size=(SITES, TOKENS))
                first = np.select([kind < 0.5, kind < 0.6], [of_token[:, ids], of_domain], by_chance)
                step = 1 + 2 * rng.integers(EXPERTS // 2, size=(SITES, TOKENS, 1))  # odd: no expert twice
                experts = (first[..., None] + step * np.arange(TOP_K)) % EXPERTS
                weights = np.full(experts.shape, 1 / TOP_K, dtype=np.float32)
                routing = Routing(
                    ids, np.zeros(TOKENS, dtype=np.bool_), experts.astype(np.int16), weights, None, ids[::-1].copy()
                )
                windows.append(RoutedWindow(f"domain {domain:02}", DOCUMENTS * domain + int(document), True, routing))
            yield windows
