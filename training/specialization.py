"""How far routing follows the domain of the text, and how evenly it uses the experts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]

SHUFFLES = 20
DEAD = 0.1
"""An expert is called dead if its load is below this share of uniform."""
TOKEN_OCCURRENCES, TOKEN_DOMAINS = 20, 4
"""The control for token identity looks at tokens seen so often in each of so many domains."""


def mutual_information(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """I(A; B) in bits of each table of counts `[... a b]`; 0 for an empty table."""
    joint = counts / np.maximum(counts.sum(axis=(-2, -1), keepdims=True), 1)
    apart = joint.sum(axis=-1, keepdims=True) * joint.sum(axis=-2, keepdims=True)
    ratio = np.divide(joint, apart, out=np.ones_like(joint), where=joint > 0)
    bits: NDArray[np.float64] = (joint * np.log2(ratio)).sum(axis=(-2, -1))
    return bits


def domain_information(chosen: Ids, experts: int, rng: np.random.Generator) -> dict[str, float]:
    """Mutual information of domain and expert in bits, of the choices `[domain window choice]`.

    Domains weigh the same, as they have the same number of tokens. The null shuffles the
    windows' domain labels: what so few windows would show if routing ignored the domain.
    """
    windows = (chosen[..., None] == np.arange(experts)).sum(axis=2)
    flat = windows.reshape(-1, experts)
    shuffled = [rng.permutation(flat).reshape(windows.shape).sum(axis=1) for _ in range(SHUFFLES)]
    null = mutual_information(np.stack(shuffled))
    return {
        "bits": rounded(mutual_information(windows.sum(axis=1)).item()),
        "null_mean": rounded(null.mean()),
        "null_largest": rounded(null.max()),
    }


def information_given_token(first: Ids, tokens: Ids, experts: int, rng: np.random.Generator) -> dict[str, float]:
    """Mutual information of domain and first expert within each common token, averaged over them, in bits.

    `first` and `tokens` are `[domain window token]`. What is left of the domain information
    when the token is known: it cannot come from the domains' different vocabularies. The
    null shuffles the experts among each token's occurrences.
    """
    domains, vocabulary = len(tokens), tokens.max() + 1
    occurrences = np.stack([np.bincount(domain.ravel(), minlength=vocabulary) for domain in tokens])
    common = ((occurrences >= TOKEN_OCCURRENCES).sum(axis=0) >= min(TOKEN_DOMAINS, domains)).nonzero()[0]
    where = np.isin(tokens, common)
    token = np.searchsorted(common, tokens[where])
    domain, expert = where.nonzero()[0], first[where]

    def information(expert: Ids) -> float:
        counts = np.zeros((len(common), domains, experts), dtype=np.int64)
        np.add.at(counts, (token, domain, expert), 1)
        weights = counts.sum(axis=(1, 2)) / max(1, len(token))
        return float((weights * mutual_information(counts)).sum())

    by_token = np.argsort(token, kind="stable")
    null = []
    for _ in range(SHUFFLES):
        shuffled = np.empty_like(expert)
        shuffled[by_token] = expert[np.lexsort((rng.random(len(token)), token))]
        null.append(information(shuffled))
    return {
        "bits": rounded(information(expert)),
        "null_mean": rounded(sum(null) / SHUFFLES),
        "tokens": len(common),
        "share_of_text": rounded(where.mean()),
    }


def load(chosen: Ids, experts: int) -> dict[str, object]:
    """How evenly choices fall on experts: MaxVio = max/mean - 1 (arXiv 2408.15664), effective
    experts e^H, and the experts whose load is below `DEAD` of uniform.
    """
    share = np.bincount(chosen.ravel(), minlength=experts) / chosen.size
    used = share[share > 0]
    return {
        "max_violation": rounded(share.max() * experts - 1),
        "effective_experts": rounded(np.exp(-(used * np.log(used)).sum())),
        "dead_experts": np.flatnonzero(share < DEAD / experts).tolist(),
        "share": [rounded(s) for s in share],
    }


def specialists(chosen: Ids, domains: tuple[str, ...], experts: int) -> dict[str, object]:
    """For each domain, the expert that most of its tokens use, of the choices `[domain window token slot]`.

    `share` is of the domain's tokens, over all top-k (arXiv 2409.02060, equation 7); `elsewhere`
    the same expert's share of the other domains' tokens.
    """
    used = (chosen[..., None] == np.arange(experts)).any(axis=3).mean(axis=(1, 2))
    found: dict[str, object] = {}
    for row, domain in enumerate(domains):
        expert = int(used[row].argmax())
        others = np.delete(used[:, expert], row)
        found[domain] = {
            "expert": expert,
            "share": rounded(used[row, expert]),
            "elsewhere": rounded(others.mean()) if len(others) else None,
        }
    return found


def choice_counts(chosen: Ids, experts: int) -> Ids:
    """Ids `[domain expert]` of choices `[domain ...]`."""
    return np.stack([np.bincount(domain.ravel(), minlength=experts) for domain in chosen])


def rounded(value: float) -> float:
    return round(float(value), 4)
