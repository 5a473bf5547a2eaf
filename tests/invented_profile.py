"""Invented profiles: random traces by domain, each a document."""

from __future__ import annotations

from moe_viz.profiles.expert_profile import ExpertProfile
from tests.invented import make_trace


def make_profile(domains: int = 3, documents: int = 6, **options: object) -> ExpertProfile:
    """This many domains with this many traces each, made with these `options`; no expert is a specialist."""
    return ExpertProfile.of_traces(
        {
            f"domain {domain:02}": [
                make_trace(**{"tokens": 24, "generated": 0} | options, seed=100 * domain + document)
                for document in range(documents)
            ]
            for domain in range(domains)
        }
    )
