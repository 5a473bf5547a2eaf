"""How a model's routing of the same texts changed while it was trained: a recording, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moe_viz.data.recording_file import load_recording, save_recording
from moe_viz.data.trace import Provenance, RouterSite, RoutingTrace


@dataclass(frozen=True, eq=False)
class TimeLapse:
    """Routing of fixed texts after more and more updates; the last frame is the end of the recording.

    All texts are counted; of the first `watched` texts of each domain every token's routing is kept.
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
    """`[frame domain]`: mean next-token loss over the domain's texts, nats a token."""
    counts: NDArray[np.uint16]
    """`[frame text site expert]`: how many of a text's tokens each expert took."""
    text_domain: NDArray[np.uint8]
    """`[text]`: each text's domain, as an index of `domains`."""
    watched: NDArray[np.uint16]
    """`[watched]`: the texts, as indices, whose tokens are kept."""
    token_ids: NDArray[np.uint16]
    """`[token]`: the watched texts' tokens, one text after the other."""
    tokens: tuple[str, ...]
    """`[token]`: the text that each stands for, and in `token_names` as the vocabulary writes it."""
    token_names: tuple[str, ...]
    token_text: NDArray[np.uint16]
    """`[token]`: the text of each token."""
    expert_ids: NDArray[np.uint8]
    """`[frame site token slot]`, largest gating weight first."""
    gate_weights: NDArray[np.float16]
    """`[frame site token slot]`, as applied, to three decimal digits."""

    def __post_init__(self) -> None:
        """Raises ValueError if the arrays do not belong together."""
        frames, texts, *_ = self.counts.shape
        tokens = (frames, len(self.sites), len(self.tokens), self.sites[0].top_k)
        expected = {
            "updates": (frames,),
            "losses": (frames, len(self.domains)),
            "counts": (frames, texts, len(self.sites), self.sites[0].num_experts),
            "text_domain": (texts,),
            "token_ids": tokens[2:3],
            "token_text": tokens[2:3],
            "expert_ids": tokens,
            "gate_weights": tokens,
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}; the other arrays make it {shape}")
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    @property
    def tokens_seen(self) -> NDArray[np.int64]:
        """`[frame]`: how much text the model had learnt from."""
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

    def save(self, path: Path) -> None:
        """Write an `.npz`."""
        save_recording(path, self)

    @classmethod
    def load(cls, path: Path) -> TimeLapse:
        """Read what `save` wrote. Raises OSError or ValueError if it is not that."""
        values = load_recording(path)
        return cls(**{**values, **{name: tuple(values[name]) for name in ("domains", "tokens", "token_names")}})
