"""What a profile says in tables: one row a layer, one a domain and expert, one a token of an expert."""

from __future__ import annotations

import numpy as np
import pandas as pd

from moe_viz.metrics import load as of
from moe_viz.metrics.domains import estimated_domain_information
from moe_viz.metrics.given_token import profile_information_given_token
from moe_viz.metrics.losses import profile_load_balancing_loss, z_loss
from moe_viz.metrics.specialization import (
    benjamini_hochberg,
    expert_use,
    load_interval,
    risk_difference,
    specialist_p_values,
)
from moe_viz.metrics.vocabulary import MINIMUM, token_shares
from moe_viz.profiles.value import ExpertProfile


def router_table(profile: ExpertProfile, rng: np.random.Generator) -> pd.DataFrame:
    """How each router spreads its work and follows the domain: one row a site.

    Columns: site (its index), name, layer, num_experts, top_k; over the even mixture of domains
    effective_experts, max_violation, gini, dead_experts (below a tenth of a uniform load); over all
    tokens load_balancing_loss (even: 1) and z_loss, NaN where unknown; domain_information in bits with
    low and high (interval over documents) and null (documents' labels shuffled); given_token and
    given_token_null: the same for first choices within one and the same token.
    """
    counts = profile.counts()
    even = of.load(counts[profile.tokens_by_domain() > 0]).mean(axis=0)
    information = estimated_domain_information(*profile.by_document(), rng)
    given = profile_information_given_token(profile, rng)
    return _sites(profile, np.arange(len(profile.sites))).assign(
        num_experts=[site.num_experts for site in profile.sites],
        top_k=[site.top_k for site in profile.sites],
        effective_experts=of.effective_experts(even),
        max_violation=of.max_violation(even),
        gini=of.gini(even),
        dead_experts=of.dead_experts(even).astype(np.int64),
        load_balancing_loss=profile_load_balancing_loss(profile),
        z_loss=z_loss(profile),
        domain_information=information.value,
        low=information.low,
        high=information.high,
        null=information.null_mean,
        given_token=[of_site.bits for of_site in given],
        given_token_null=[of_site.null_mean for of_site in given],
    )


def specialist_table(profile: ExpertProfile, rng: np.random.Generator) -> pd.DataFrame:
    """How much more each domain uses each expert than the others do: one row a (domain, site, expert).

    Columns: domain, site (its index), name, layer, expert; use (share of the domain's tokens) with low
    and high (interval over documents), elsewhere (mean over the other domains), difference
    (use - elsewhere), times_uniform (use × experts / top_k); p_value (one-sided, against shuffled
    labels) and q_value: rows of at most q are specialists at false-discovery rate q. Both are
    missing for a domain of too few documents.
    """
    counts, tokens = profile.counts(), profile.tokens_by_domain()
    use = expert_use(counts, tokens)
    difference = risk_difference(use)
    of_documents, labels = profile.by_document()
    p = specialist_p_values(of_documents, labels, rng)
    interval = load_interval(of_documents, labels, rng)
    each = np.nansum(counts, axis=-1, keepdims=True) / tokens[:, None, None]  # experts a token: at most top_k
    domain, site, expert = np.nonzero(~np.isnan(use))
    at = (domain, site, expert)
    sizes = np.array([[router.num_experts, router.top_k] for router in profile.sites])[site].T
    table = _sites(profile, site)
    table.insert(0, "domain", np.array(profile.domains, dtype=object)[domain])
    return table.assign(
        expert=expert,
        use=use[at],
        low=(interval.low * each)[at],
        high=(interval.high * each)[at],
        elsewhere=(use - difference)[at],
        difference=difference[at],
        times_uniform=use[at] * sizes[0] / sizes[1],
        p_value=p[at],
        q_value=benjamini_hochberg(p)[at],
    )


def token_table(
    profile: ExpertProfile,
    site: int,
    expert: int,
    view: str = "input",
    *,
    minimum: int = MINIMUM,
    first: bool = False,
) -> pd.DataFrame:
    """The tokens that an expert takes the largest share of: one row a token, largest share first.

    Columns: token_id, token (its text), taken, occurrences, share, missed (how many more it may have
    taken at most). `minimum` and `view` as in `token_shares`.
    Raises IndexError if there is no such router or expert.
    """
    if not 0 <= site < len(profile.sites):
        raise IndexError(f"site {site}: the profile has sites 0 to {len(profile.sites) - 1}")
    if not 0 <= expert < profile.sites[site].num_experts:
        raise IndexError(f"expert {expert}: site {site} has experts 0 to {profile.sites[site].num_experts - 1}")
    of_all = token_shares(profile, view, minimum=minimum, first=first)
    own = (of_all.site == site) & (of_all.expert == expert)
    table = pd.DataFrame(
        {
            "token_id": of_all.token[own],
            "token": [profile.token_texts.get(int(token), str(token)) for token in of_all.token[own]],
            "taken": of_all.taken[own],
            "occurrences": of_all.occurrences[own],
            "share": of_all.share[own],
            "missed": of_all.missed[own],
        }
    )
    return table.sort_values(["share", "taken"], ascending=False, ignore_index=True)


def _sites(profile: ExpertProfile, indices: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "site": indices,
            "name": np.array([site.name for site in profile.sites], dtype=object)[indices],
            "layer": np.array([site.layer for site in profile.sites])[indices],
        }
    )
