"""The core value: what every router of a model chose, for one stream of tokens.

A trace is small, immutable and free of torch. It can be saved, compared, shared and, in a
test, invented. Everything that is drawn is computed from one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from moe_viz.errors import TraceError

if TYPE_CHECKING:
    import pandas as pd

Ids = NDArray[np.int16]
TokenIds = NDArray[np.int32]
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Stack = Literal["decoder", "encoder"]

NO_EXPERT = -1
"""In `RoutingTrace.expert_ids`: this slot took no expert (token dropped or skipped, or fewer slots)."""


@dataclass(frozen=True)
class Scoring:
    """How a router turns logits into a choice and into gating weights.

    score = function(logits); the `top_k` experts with the largest score + selection_bias
    are chosen; the gating weight is the chosen score, divided by the sum over the chosen
    if `normalized`, times `scale`. The fields after `groups_kept` are for the few routers
    that differ.
    """

    function: Literal["softmax", "sigmoid", "sqrtsoftplus"]
    normalized: bool
    """Whether the chosen scores are divided by their sum. A softmax over the chosen logits
    alone (gpt-oss) equals a softmax over all, normalized."""
    scale: float = 1.0
    selection_bias: tuple[float, ...] | None = None
    """One number an expert, added for the choice alone (DeepSeek-V3, arXiv 2412.19437, eq. 16)."""
    groups: int = 1
    """Experts are cut into this many groups ..."""
    groups_kept: int = 1
    """... and only those of the best `groups_kept` groups can be chosen."""
    group_top: int = 2
    """A group is as good as the sum of its best `group_top` selection scores."""
    outside_groups: float | None = None
    """What the selection score of an expert outside those groups is set to; None: it cannot be chosen."""
    bias_on_logits: bool = False
    """The bias is added to the logit, not to the score, and the largest sum is chosen."""
    expert_scale: tuple[float, ...] | None = None
    """One factor an expert, by which its gating weight is multiplied after the sum."""
    shared_in_sum: bool = False
    """The sum also counts shared experts, whose scores are not among the logits: what is known
    of the gating weights is their proportion."""
    by_token: bool = False
    """The choice is looked up by the token's id; scores only weigh it."""


@dataclass(frozen=True)
class RouterSite:
    """One router: where it sits and what it chooses from."""

    name: str
    """Path of the MoE block among the model's modules, e.g. `model.layers.3.mlp`."""
    layer: int
    """Index of the layer within its stack, counted with the dense layers."""
    num_experts: int
    top_k: int
    stack: Stack = "decoder"
    scoring: Scoring | None = None
    """None: not recorded for this family; scores and margins are then unknown."""
    shared_experts: int = 0
    """Experts beside the router, used by every token."""
    zero_experts: int = 0
    """How many of the experts, the last ones, compute nothing."""
    output_scale: float = 1.0
    """The block multiplies the sum over the chosen experts by this, after their gating weights."""


@dataclass(frozen=True)
class Provenance:
    """Where a trace comes from."""

    model: str
    revision: str | None
    """Commit or digest of the weights; None where the source does not say."""
    family: str
    """transformers' `model_type`."""
    dtype: str
    device: str
    engine: str
    versions: tuple[tuple[str, str], ...]
    """Libraries and their versions, as (name, version)."""
    created: str
    """When it was measured: ISO 8601, UTC."""
    intervention: str | None = None
    notes: tuple[str, ...] = ()
    """What a reader must know to read the numbers right."""


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
        _settle(self, "token_ids", np.int32, shape)
        _settle(self, "probabilities", np.float32, shape)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NextTokens) and _same_fields(self, other)


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
        slots = max(site.top_k for site in self.sites)
        experts = max(site.num_experts for site in self.sites)
        _settle(self, "token_ids", np.int32, (count,))
        _settle(self, "generated", np.bool_, (count,))
        _settle(self, "expert_ids", np.int16, (sites, count, slots))
        _settle(self, "gate_weights", np.float32, (sites, count, slots))
        if self.router_logits is not None:
            _settle(self, "router_logits", np.float32, (sites, count, experts))
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
        return isinstance(other, RoutingTrace) and _same_fields(self, other)

    def __len__(self) -> int:
        """How many tokens."""
        return len(self.tokens)

    @property
    def text(self) -> str:
        """The text, as the tokens give it back."""
        return "".join(self.tokens)

    def label(self, token: int) -> str:
        """What to call a token on a page: its text, or its name where it has no text of its own."""
        return self.tokens[token] or self.token_names[token]

    def save(self, path: str | Path) -> None:
        """Write the trace to a file, by custom `*.moetrace` (safetensors, zstd)."""
        from moe_viz.data.trace_file import write

        Path(path).write_bytes(write(self))

    @staticmethod
    def load(path: str | Path) -> RoutingTrace:
        """Read a trace from a file. Raises TraceFileError if it is damaged or no trace."""
        from moe_viz.data.trace_file import read_path

        return read_path(Path(path))

    def to_frame(self) -> pd.DataFrame:
        """One row a (site, token, slot): layer, stack, position, token, token_id, generated, slot,
        expert (missing where the slot took none), gate_weight.
        """
        import pandas as pd

        real = np.arange(self.expert_ids.shape[2]) < np.array([site.top_k for site in self.sites])[:, None]
        site, token, slot = np.nonzero(np.broadcast_to(real[:, None], self.expert_ids.shape))
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


def _settle(owner: RoutingTrace | NextTokens, name: str, dtype: type[np.generic], shape: tuple[int, ...]) -> None:
    """Replace a field by a read-only array of this type and shape, or say why it cannot be one."""
    given = np.asarray(getattr(owner, name))
    if given.shape != shape:
        raise TraceError(f"{name} has shape {given.shape}, expected {shape}")
    array = given
    if given.dtype != dtype or given.flags.writeable:
        array = np.array(given, dtype=dtype, order="C")
        if np.issubdtype(dtype, np.integer) and not np.array_equal(array, given):
            raise TraceError(f"{name} has values that do not fit {np.dtype(dtype).name}")
        array.setflags(write=False)
    object.__setattr__(owner, name, array)


def _same_fields(a: RoutingTrace | NextTokens, b: RoutingTrace | NextTokens) -> bool:
    """Whether all fields are equal; in arrays NaN equals NaN."""
    for field in fields(a):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
            equal_nan = np.issubdtype(x.dtype, np.floating)
            if not np.array_equal(x, y, equal_nan=equal_nan):
                return False
        elif x != y:
            return False
    return True
