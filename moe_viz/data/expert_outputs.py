"""`ExpertOutputs`: towards which tokens each expert of a model writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.arrays import Floats, TokenIds, same_fields, settle
from moe_viz.data.container import Arrays, FileKind, header_and_arrays
from moe_viz.data.provenance import Provenance, provenance_from
from moe_viz.data.router_site import RouterSite, experts_of, site_from
from moe_viz.data.write_whole import write_whole
from moe_viz.errors import RecordingError, RecordingFileError

MAX_BYTES = 2**28
"""The largest file that is read, compressed or not."""
_FILE = FileKind("expert outputs", RecordingFileError, RecordingError, level=19, was_npz=True)


@dataclass(frozen=True, eq=False)
class ExpertOutputs:
    """Each expert's mean contribution to the residual stream, read along the direct path to the logits.

    The mean is over the tokens that took the expert, of what the model's own experts module gave
    for them, weighted as the model weighed it. It is read as the logit lens reads a hidden state
    (nostalgebraist 2020), and as Geva et al. (arXiv 2203.14680) read a feed-forward layer's values:
    multiplied by the final norm's gain, without the norm's scaling, and by the unembedding.
    What later layers make of it is left out. Arrays are read-only. Raises RecordingError if the
    parts contradict each other.
    """

    sites: tuple[RouterSite, ...]
    provenance: Provenance
    corpus: str
    """The texts that were read, in words."""
    texts: int
    tokens: int
    taken: NDArray[np.int64]
    """`[site expert]`: how many of the tokens took the expert."""
    agreement: Floats
    """`[site expert]`: the length of the mean over the mean length: 1, it writes the same
    for every token; near 0, what it writes has no common direction. NaN where it took none."""
    raised_ids: TokenIds
    """`[site expert rank]`: the tokens whose logits the mean raises most; -1 where it took none."""
    raised: Floats
    """`[site expert rank]`: by how much, minus the mean over the vocabulary. Without the final norm's
    scaling, so they can be compared within an expert, but not between layers."""
    lowered_ids: TokenIds
    """`[site expert rank]`: the tokens whose logits it lowers most ..."""
    lowered: Floats
    """`[site expert rank]`: ... and by how much."""
    token_texts: Mapping[int, str]
    """What each of these tokens is called."""

    def __post_init__(self) -> None:
        if not self.sites:
            raise RecordingError("expert outputs need at least one router")
        cells = experts_of(self.sites).shape
        ranks = (*cells, np.shape(self.raised)[-1] if np.ndim(self.raised) else 0)
        for name, dtype, shape in (
            ("taken", np.int64, cells),
            ("agreement", np.float32, cells),
            ("raised_ids", np.int32, ranks),
            ("raised", np.float32, ranks),
            ("lowered_ids", np.int32, ranks),
            ("lowered", np.float32, ranks),
        ):
            settle(self, name, dtype, shape, RecordingError)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExpertOutputs) and same_fields(self, other)

    def save(self, path: str | Path) -> None:
        """Write the outputs to a file, by convention `*.moeoutputs`, whole or not at all."""
        write_whole(path, _FILE.write(*header_and_arrays(self)))

    @staticmethod
    def load(path: str | Path) -> ExpertOutputs:
        """Read outputs from a file, also from the `.npz` of version 0.3.0.

        Raises RecordingFileError if there is none, or it is damaged or holds something else.
        """
        return _FILE.read_path(Path(path), _outputs, MAX_BYTES)


def _outputs(header: dict[str, Any], arrays: Arrays) -> ExpertOutputs:
    return ExpertOutputs(
        sites=tuple(site_from(site) for site in header["sites"]),
        provenance=provenance_from(header["provenance"]),
        corpus=str(header["corpus"]),
        texts=int(header["texts"]),
        tokens=int(header["tokens"]),
        token_texts={int(token): str(text) for token, text in header["token_texts"]},
        taken=arrays["taken"],
        agreement=arrays["agreement"],
        raised_ids=arrays["raised_ids"],
        raised=arrays["raised"],
        lowered_ids=arrays["lowered_ids"],
        lowered=arrays["lowered"],
    )
