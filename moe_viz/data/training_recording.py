"""`TrainingRecording`: how a model's routing of the same texts changed while it was trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.arrays import settle
from moe_viz.data.container import Arrays, FileKind, header_and_arrays
from moe_viz.data.provenance import Provenance, provenance_from
from moe_viz.data.router_site import RouterSite, experts_of, site_from, slots_of
from moe_viz.data.trace import RoutingTrace
from moe_viz.data.write_whole import write_whole
from moe_viz.errors import RecordingError, RecordingFileError

MAX_BYTES = 2**30
"""The largest recording that is read, compressed or not."""
_FILE = FileKind("training recording", RecordingFileError, RecordingError, level=19, was_npz=True)


@dataclass(frozen=True, eq=False)
class TrainingRecording:
    """Routing of fixed texts as the number of updates grows; the last frame is the end of the recording.

    All texts are counted; for the texts that are `watched`, the routing of each token is kept. Arrays are
    read-only. Raises RecordingError if they do not belong together.
    """

    provenance: Provenance
    sites: tuple[RouterSite, ...]
    balance: float
    """Strength of the balancing term that it was trained with; 0 is none."""
    tokens_per_update: int
    updates: NDArray[np.int64]
    """`[frame]`: updates done; 0 is the random start."""
    domains: tuple[str, ...]
    losses: NDArray[np.float32]
    """`[frame domain]`: mean next-token loss over the domain's texts, in nats per token."""
    counts: NDArray[np.uint16]
    """`[frame text site expert]`: how many of a text's tokens each expert took."""
    text_domain: NDArray[np.uint8]
    """`[text]`: each text's domain, as an index of `domains`."""
    watched: NDArray[np.uint16]
    """`[watched]`: indices of the texts whose tokens are kept."""
    token_ids: NDArray[np.uint16]
    """`[token]`: the watched texts' tokens, one text after the other."""
    tokens: tuple[str, ...]
    """`[token]`: the text that each token stands for; `token_names` has it as the vocabulary writes it."""
    token_names: tuple[str, ...]
    token_text: NDArray[np.uint16]
    """`[token]`: the text of each token."""
    expert_ids: NDArray[np.uint8]
    """`[frame site token slot]`, largest gating weight first."""
    gate_weights: NDArray[np.float16]
    """`[frame site token slot]`, as applied, to three decimal digits."""

    def __post_init__(self) -> None:
        if np.ndim(self.counts) != 4 or not self.sites:
            raise RecordingError(f"counts has shape {np.shape(self.counts)}, expected [frame text site expert]")
        frames, texts, *_ = self.counts.shape
        sites, experts = experts_of(self.sites).shape
        tokens = (frames, sites, len(self.tokens), slots_of(self.sites).shape[1])
        if len(self.token_names) != len(self.tokens):
            raise RecordingError(f"token_names has {len(self.token_names)} entries for {len(self.tokens)} tokens")
        for name, dtype, shape in (
            ("updates", np.int64, (frames,)),
            ("losses", np.float32, (frames, len(self.domains))),
            ("counts", np.uint16, (frames, texts, sites, experts)),
            ("text_domain", np.uint8, (texts,)),
            ("watched", np.uint16, (np.size(self.watched),)),
            ("token_ids", np.uint16, tokens[2:3]),
            ("token_text", np.uint16, tokens[2:3]),
            ("expert_ids", np.uint8, tokens),
            ("gate_weights", np.float16, tokens),
        ):
            settle(self, name, dtype, shape, RecordingError)

    @property
    def tokens_seen(self) -> NDArray[np.int64]:
        """`[frame]`: how many tokens the model had learned from."""
        return self.updates * self.tokens_per_update

    def trace(self, frame: int, text: int) -> RoutingTrace:
        """One of the watched texts as it was routed at one moment, without logits, which were not kept.

        Raises KeyError if the text was not watched.
        """
        own = np.flatnonzero(self.token_text == text)
        if not len(own):
            raise KeyError(f"text {text} was not watched; {self.watched.tolist()} were")
        moment = f"recorded after {self.updates[frame]:,} updates of training; gating weights to three digits"
        return RoutingTrace(
            tokens=tuple(self.tokens[i] for i in own),
            token_names=tuple(self.token_names[i] for i in own),
            token_ids=self.token_ids[own].astype(np.int32),
            generated=np.zeros(len(own), dtype=np.bool_),
            sites=self.sites,
            expert_ids=self.expert_ids[frame][:, own].astype(np.int16),
            gate_weights=self.gate_weights[frame][:, own].astype(np.float32),
            router_logits=None,
            provenance=replace(self.provenance, notes=(moment,)),
        )

    def save(self, path: str | Path) -> None:
        """Write the recording to a file, by convention `*.moerecording`, whole or not at all."""
        write_whole(path, _FILE.write(*header_and_arrays(self)))

    @staticmethod
    def load(path: str | Path) -> TrainingRecording:
        """Read a recording from a file, also from the `.npz` of version 0.3.0.

        Raises RecordingFileError if there is none, or it is damaged or holds something else.
        """
        return _FILE.read_path(Path(path), _recording, MAX_BYTES)


def _recording(header: dict[str, Any], arrays: Arrays) -> TrainingRecording:
    return TrainingRecording(
        provenance=provenance_from(header["provenance"]),
        sites=tuple(site_from(site) for site in header["sites"]),
        balance=float(header["balance"]),
        tokens_per_update=int(header["tokens_per_update"]),
        domains=tuple(map(str, header["domains"])),
        tokens=tuple(map(str, header["tokens"])),
        token_names=tuple(map(str, header["token_names"])),
        updates=arrays["updates"],
        losses=arrays["losses"],
        counts=arrays["counts"],
        text_domain=arrays["text_domain"],
        watched=arrays["watched"],
        token_ids=arrays["token_ids"],
        token_text=arrays["token_text"],
        expert_ids=arrays["expert_ids"],
        gate_weights=arrays["gate_weights"],
    )
