"""The numbers that answer what people often say about mixtures of experts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np

from moe_viz.data.scores import Array
from moe_viz.lessons.batch import experts_used
from moe_viz.lessons.memory import BITS, gigabytes, tokens_until_all
from moe_viz.lessons.recorded import final, recording
from moe_viz.lessons.sizes import known_sizes
from moe_viz.metrics.domains import by_domain, domain_information, domain_specialization
from moe_viz.metrics.load import dead_experts
from moe_viz.metrics.training import load_over_training

LARGE, SMALL = "DeepSeek-V3", "Mixtral 8x7B"


@dataclass(frozen=True)
class Facts:
    """What is measured or counted for the answers."""

    large: str
    large_total: float
    """Billions."""
    large_active: float
    dead: int
    """Experts of the bundled model's unbalanced twin that get almost no tokens ..."""
    experts: int
    """... and the number of all its experts."""
    small: str
    small_shared: float
    """Share of the weights that a token uses that are not in routed experts."""
    large_shared: float
    """The same of `large`."""
    domain: str
    """The kind of text with the largest share of any one expert ..."""
    expert: int
    layer: int
    share: float
    """... and the share of its tokens that this expert takes."""
    even: float
    kinds: int
    """The number of other kinds of text for which it is above an even share."""
    bits: float
    """Domain information, mean over layers."""
    random_bits: float
    """The same before any training."""
    most_bits: float
    """What it would be if the experts named the kind of text without error."""
    host: float
    """Gigabytes that `small` needs in 16 bits; the next field is for its active part alone."""
    host_active: float
    soon: int
    """Tokens until every expert of the bundled model was used."""
    together: float
    """Experts of a layer that 64 mixed tokens use."""
    in_layer: int
    tokens: int

    def numbers(self) -> dict[str, Any]:
        """By name, for a sentence."""
        return asdict(self)


@cache
def facts() -> Facts:
    """All of them, computed once."""
    large, small = known_sizes()[LARGE], known_sizes()[SMALL]
    lapse, last, by_kind = recording(), final(), _by_kind(-1)
    shares = domain_specialization(by_kind, last.top_k)
    kind, layer, expert = (int(i) for i in np.unravel_index(shares.argmax(), shares.shape))
    even = last.top_k / last.experts
    twin = load_over_training(recording("unbalanced"))[-1]
    tokens = 64
    return Facts(
        large=LARGE,
        large_total=large.total / 1e9,
        large_active=large.active / 1e9,
        dead=int(dead_experts(twin).sum()),
        experts=twin.size,
        small=SMALL,
        small_shared=1 - small.routed_per_token / small.active,
        large_shared=1 - large.routed_per_token / large.active,
        domain=lapse.domains[kind],
        expert=expert,
        layer=layer,
        share=float(shares[kind, layer, expert]),
        even=even,
        kinds=int((shares[:, layer, expert] > even).sum()) - 1,
        bits=float(domain_information(by_kind).mean()),
        random_bits=float(domain_information(_by_kind(0)).mean()),
        most_bits=float(np.log2(len(lapse.domains))),
        host=gigabytes(small.total, BITS["bfloat16"]),
        host_active=gigabytes(small.active, BITS["bfloat16"]),
        soon=int(tokens_until_all(last.expert_ids, last.experts).max()),
        together=float(experts_used(last.expert_ids, last.experts, [tokens])[0]),
        in_layer=last.experts,
        tokens=tokens,
    )


def _by_kind(frame: int) -> Array:
    """How many tokens of each kind of text every expert took, `[domain site expert]`."""
    lapse = recording()
    return by_domain(lapse.counts[frame].astype(np.float64), lapse.text_domain)


def shares_of_expert() -> Array:
    """The share of each kind of text's tokens that the expert `Facts.expert` takes, `[domain]`."""
    known = facts()
    shares = domain_specialization(_by_kind(-1), final().top_k)
    return np.asarray(shares[:, known.layer, known.expert])
