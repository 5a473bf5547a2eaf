"""The core value: what every router of a model chose, for one stream of tokens; and its file.

A trace is small, immutable and free of torch. It can be saved, compared, shared and, in a
test, invented. Everything that is drawn is computed from one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moe_viz.data.arrays import NO_EXPERT, Flags, Floats, Ids, TokenIds, same_fields, settle
from moe_viz.data.container import Arrays, FileKind
from moe_viz.data.provenance import Provenance, provenance_from
from moe_viz.data.router_site import RouterSite, experts_of, site_from, slots_of
from moe_viz.data.write_whole import write_whole
from moe_viz.errors import TraceError, TraceFileError

if TYPE_CHECKING:
    import pandas as pd

MAX_BYTES = 2**31
"""The largest trace that is read, compressed or not."""
_FILE = FileKind("trace", TraceFileError, TraceError)
_ARRAYS = ("token_ids", "generated", "expert_ids", "gate_weights", "router_logits")


@dataclass(frozen=True, eq=False)
class NextTokens:
    """The model's most probable next tokens after each token, most probable first."""

    token_ids: TokenIds
    """`[token rank]`"""
    probabilities: Floats
    """`[token rank]`: softmax over the whole vocabulary."""
    texts: tuple[tuple[str, ...], ...]
    """`[token][rank]`: each as its own text."""

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.token_ids):
            raise TraceError(f"next tokens: texts for {len(self.texts)} tokens, ids for {len(self.token_ids)}")
        shape = (len(self.texts), len(self.texts[0]) if self.texts else 0)
        if {len(row) for row in self.texts} - {shape[1]}:
            raise TraceError("next tokens: every token must have the same number of ranks")
        settle(self, "token_ids", np.int32, shape, TraceError)
        settle(self, "probabilities", np.float32, shape, TraceError)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NextTokens) and same_fields(self, other)


@dataclass(frozen=True, eq=False)
class RoutingTrace:
    """One token stream through one stack of routers.

    Raises TraceError on construction if the parts contradict each other. The arrays are
    kept read-only.
    """

    tokens: tuple[str, ...]
    """The text that each token stands for; joined, they give the text back. A token that
    adds none of its own (a special token, a byte within a character) has an empty string."""
    token_names: tuple[str, ...]
    """Each token as the vocabulary writes it, e.g. `Ġthe` or `<s>`; bytes that are no whole
    character as `⟨E6 8E⟩`."""
    token_ids: TokenIds
    """`[token]`"""
    generated: Flags
    """`[token]`: False for the prompt."""
    sites: tuple[RouterSite, ...]
    expert_ids: Ids
    """`[site token slot]`: as the model used them, in its order; `NO_EXPERT` where none."""
    gate_weights: Floats
    """`[site token slot]`: as the model applied them, not renormalised; 0 where no expert."""
    router_logits: Floats | None
    """`[site token expert]`: before scoring; NaN beyond a site's experts; None where the
    source cannot give them."""
    provenance: Provenance
    next_tokens: NextTokens | None = None

    def __post_init__(self) -> None:
        count, sites = len(self.tokens), len(self.sites)
        if not count or not sites:
            raise TraceError(f"a trace needs at least one token and one router; got {count} and {sites}")
        if len(self.token_names) != count:
            raise TraceError(f"token_names has {len(self.token_names)} entries for {count} tokens")
        slots, experts = slots_of(self.sites).shape[1], experts_of(self.sites).shape[1]
        settle(self, "token_ids", np.int32, (count,), TraceError)
        settle(self, "generated", np.bool_, (count,), TraceError)
        settle(self, "expert_ids", np.int16, (sites, count, slots), TraceError)
        settle(self, "gate_weights", np.float32, (sites, count, slots), TraceError)
        if self.router_logits is not None:
            settle(self, "router_logits", np.float32, (sites, count, experts), TraceError)
        self._check_choices()
        if self.next_tokens is not None and len(self.next_tokens.texts) != count:
            raise TraceError(f"next_tokens covers {len(self.next_tokens.texts)} tokens of {count}")

    def _check_choices(self) -> None:
        if not np.isfinite(self.gate_weights).all():
            raise TraceError("gate_weights has a value that is not finite: the model's output cannot be trusted")
        if self.gate_weights[self.expert_ids == NO_EXPERT].any():
            raise TraceError("gate_weights must be 0 where expert_ids says that there is no expert")
        for site, ids in zip(self.sites, self.expert_ids, strict=True):
            if ids.min() < NO_EXPERT or ids.max() >= site.num_experts:
                raise TraceError(
                    f"{site.name}: expert_ids from {ids.min()} to {ids.max()}, expected -1 to {site.num_experts - 1}"
                )
            if (ids[:, site.top_k :] != NO_EXPERT).any():
                raise TraceError(f"{site.name}: has top_k={site.top_k}, but an expert in a later slot")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RoutingTrace) and same_fields(self, other)

    def __len__(self) -> int:
        """How many tokens."""
        return len(self.tokens)

    @property
    def text(self) -> str:
        """The text, as the tokens give it back."""
        return "".join(self.tokens)

    def label(self, token: int) -> str:
        """How a page shows a token: its text, or its name if it has no text of its own."""
        return self.tokens[token] or self.token_names[token]

    def to_bytes(self) -> bytes:
        """The content of the trace's file."""
        following = self.next_tokens
        header = {
            "tokens": self.tokens,
            "token_names": self.token_names,
            "sites": [asdict(site) for site in self.sites],
            "provenance": asdict(self.provenance),
            "next_texts": following.texts if following else None,
        }
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        if following is not None:
            arrays |= {"next_token_ids": following.token_ids, "next_probabilities": following.probabilities}
        return _FILE.write(header, {name: array for name, array in arrays.items() if array is not None})

    @staticmethod
    def from_bytes(content: bytes) -> RoutingTrace:
        """The trace in a file's content. Raises TraceFileError, which says what is wrong with it."""
        return _FILE.read(content, _trace, MAX_BYTES)

    def save(self, path: str | Path) -> None:
        """Write the trace to a file, by convention `*.moetrace`, whole or not at all."""
        write_whole(path, self.to_bytes())

    @staticmethod
    def load(path: str | Path) -> RoutingTrace:
        """Read a trace from a file. Raises TraceFileError if there is none, or it is damaged or no trace.

        Example, with a trace of the bundled model:

        >>> import moe_viz, tempfile
        >>> with moe_viz.load("demo") as model, tempfile.TemporaryDirectory() as folder:
        ...     trace = model.trace("def area(r):")
        ...     trace.save(f"{folder}/x.moetrace")
        ...     moe_viz.RoutingTrace.load(f"{folder}/x.moetrace") == trace
        True
        """
        return _FILE.read_path(Path(path), _trace, MAX_BYTES)

    def to_frame(self) -> pd.DataFrame:
        """One row per (site, token, slot): layer, stack, position, token, token_id, generated, slot,
        expert (missing where the slot took none), gate_weight.
        """
        import pandas as pd

        site, token, slot = np.nonzero(np.broadcast_to(slots_of(self.sites)[:, None], self.expert_ids.shape))
        expert = pd.array(self.expert_ids[site, token, slot], dtype="Int16")
        expert[self.expert_ids[site, token, slot] == NO_EXPERT] = pd.NA
        return pd.DataFrame(
            {
                "site": np.array([s.name for s in self.sites], dtype=object)[site],
                "stack": np.array([s.stack for s in self.sites], dtype=object)[site],
                "layer": np.array([s.layer for s in self.sites])[site],
                "position": token,
                "token": np.array([self.label(t) for t in range(len(self))], dtype=object)[token],
                "token_id": self.token_ids[token],
                "generated": self.generated[token],
                "slot": slot,
                "expert": expert,
                "gate_weight": self.gate_weights[site, token, slot],
            }
        )


def _trace(header: dict[str, Any], arrays: Arrays) -> RoutingTrace:
    following = None
    if header["next_texts"] is not None:
        texts = tuple(_texts(row) for row in header["next_texts"])
        following = NextTokens(arrays["next_token_ids"], arrays["next_probabilities"], texts)
    return RoutingTrace(
        tokens=_texts(header["tokens"]),
        token_names=_texts(header["token_names"]),
        sites=tuple(site_from(site) for site in header["sites"]),
        provenance=provenance_from(header["provenance"]),
        next_tokens=following,
        token_ids=arrays["token_ids"],
        generated=arrays["generated"],
        expert_ids=arrays["expert_ids"],
        gate_weights=arrays["gate_weights"],
        router_logits=arrays.get("router_logits"),
    )


def _texts(values: Any) -> tuple[str, ...]:
    texts = tuple(values)
    if not all(isinstance(text, str) for text in texts):
        raise TraceFileError("the trace is damaged: one of its tokens is no text")
    return texts
