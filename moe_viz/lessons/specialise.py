"""Which kinds of text the experts of a profile serve: the numbers of the lesson on specialists."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from moe_viz.data.scores import Array
from moe_viz.metrics.specialists import Specialists


class Own(NamedTuple):
    """The strongest specialist of a kind of text: the expert with the largest difference of shares."""

    domain: int
    site: int
    expert: int
    share: float
    """Its share of the kind's tokens."""
    others: float
    """Its mean share of the other kinds' tokens."""
    low: float
    high: float
    """The interval of the difference."""
    work: float
    """The part of its own work that is this kind, if every kind is read equally often."""

    @property
    def difference(self) -> float:
        return self.share - self.others


def most_own(specialists: Specialists) -> tuple[Own, ...]:
    """Each kind's strongest specialist, the kind with the largest difference first."""
    work = work_by_domain(specialists)
    found = []
    for domain, differences in enumerate(specialists.difference):
        site, expert = (int(i) for i in np.unravel_index(np.nanargmax(differences), differences.shape))
        at = domain, site, expert
        share, difference = float(specialists.use[at]), float(specialists.difference[at])
        interval = float(specialists.low[at]), float(specialists.high[at])
        found.append(Own(*at, share, share - difference, *interval, float(work[at])))
    return tuple(sorted(found, key=lambda own: -own.difference))


def work_by_domain(specialists: Specialists) -> Array:
    """Each kind's share of an expert's work, if all kinds are read equally often, `[domain site expert]`."""
    total = np.nansum(specialists.use, axis=0)
    return np.divide(specialists.use, total, out=np.zeros_like(specialists.use), where=total > 0)


def taken_besides(specialists: Specialists, own: Own, even: float) -> list[int]:
    """The other kinds for which this expert takes more than `even`, the largest share first."""
    shares = specialists.use[:, own.site, own.expert]
    return [int(d) for d in np.argsort(-shares, kind="stable") if d != own.domain and shares[d] > even]
