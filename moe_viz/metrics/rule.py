"""A router's rule in a few words: from logits to a choice and to gating weights."""

from __future__ import annotations

from moe_viz.data.router_site import RouterSite


def rule_words(site: RouterSite, biased: bool) -> str:
    """The steps of a router's rule in their order; `biased`: whether a bias takes part in the choice."""
    scoring = site.scoring
    if scoring is None:
        return f"top-{site.top_k}, by a rule that is not recorded"
    if scoring.by_token:
        steps = [f"{site.top_k} looked up by the token's id", scoring.function]
    else:
        steps = [scoring.function]
        if biased:
            steps.append("+ bias for the choice")
        if scoring.groups > 1:
            steps.append(f"best {scoring.groups_kept} of {scoring.groups} groups")
        steps.append(f"top-{site.top_k}")
    if scoring.normalized:
        steps.append("divided by their sum")
    if scoring.scale != 1:
        steps.append(f"× {scoring.scale:g}")
    if site.output_scale != 1:
        steps.append(f"their sum × {site.output_scale:g}")
    return " → ".join(steps)
