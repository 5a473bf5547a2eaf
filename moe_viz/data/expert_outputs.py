"""`ExpertOutputs`: towards which tokens each expert of a model writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.recording_file import load_recording, save_recording
from moe_viz.data.trace import Floats, Provenance, RouterSite, TokenIds


@dataclass(frozen=True, eq=False)
class ExpertOutputs:
    """Each expert's mean contribution to the residual stream, read along the direct path to the logits.

    The mean is over the tokens that took the expert, of what the model's own experts module gave
    for them, weighted as the model weighed it. It is read as the logit lens reads a hidden state
    (nostalgebraist 2020), and as Geva et al. (arXiv 2203.14680) read a feed-forward layer's values:
    multiplied by the final norm's gain, without the norm's scaling, and by the unembedding.
    What later layers make of it is left out.
    """

    sites: tuple[RouterSite, ...]
    provenance: Provenance
    corpus: str
    """What was read, in words."""
    texts: int
    tokens: int
    taken: NDArray[np.int64]
    """`[site expert]`: how many of the tokens took the expert."""
    agreement: Floats
    """`[site expert]`: the length of the mean over the mean length: 1, it writes one and the same
    for every token; near 0, what it writes has no common direction. NaN where it took none."""
    raised_ids: TokenIds
    """`[site expert rank]`: the tokens whose logits the mean raises most; -1 where it took none."""
    raised: Floats
    """`[site expert rank]`: by how much, less the mean over the vocabulary. Without the final norm's
    scaling: to be compared within an expert, not between layers."""
    lowered_ids: TokenIds
    """`[site expert rank]`: those that it lowers most ..."""
    lowered: Floats
    """`[site expert rank]`: ... and by how much."""
    token_texts: Mapping[int, str]
    """What each of these tokens is called."""

    def save(self, path: Path) -> None:
        """Write an `.npz`."""
        save_recording(path, self)

    @classmethod
    def load(cls, path: Path) -> ExpertOutputs:
        """Read what `save` wrote. Raises OSError or ValueError if it is not that."""
        values = load_recording(path)
        return cls(**{**values, "token_texts": dict(values["token_texts"])})
