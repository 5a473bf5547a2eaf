"""How many weights a mixture-of-experts model has, where they are, and how many of them one token uses."""

from __future__ import annotations

from dataclasses import dataclass

from moe_viz.errors import ModelError

_BITS = {"float32": 32, "bfloat16": 16, "float16": 16, "float8_e4m3fn": 8, "int8": 8, "int4": 4}


@dataclass(frozen=True)
class RoutedBlock:
    """One router's experts."""

    name: str
    """The block's path in the model."""
    layer: str
    """The path of the layer that it is part of."""
    experts: int
    """Experts with weights."""
    zero_experts: int
    """Choices that compute nothing, beside those experts."""
    top_k: int
    """Choices per token."""
    parameters: int
    """Weights of all its routed experts."""

    @property
    def parameters_per_token(self) -> int:
        """Weights of the routed experts that one token uses.

        With zero experts the number differs from token to token. This is its mean under an even load.
        """
        choices = self.experts + self.zero_experts
        return self.parameters * min(self.top_k, choices) // choices


@dataclass(frozen=True)
class ParameterCount:
    """The weights of one model, each counted once, as integers. The parts add up to `total`."""

    family: str
    """The config's model_type."""
    blocks: tuple[RoutedBlock, ...]
    stacks: tuple[tuple[str, int], ...]
    """Each stack of layers that has routers, by its path, and how many layers it has; all stacks of a dense model."""
    routed: int
    """Weights of the experts that routers choose among."""
    shared: int
    """Weights of the experts that every token uses, and of their gates."""
    routers: int
    attention: int
    """Linear attention included; experts inside attention are in `routed`."""
    embeddings: int
    """Tables that are looked up by token or position."""
    output_head: int
    """Weights from the last layer to the vocabulary; 0 where the head is the embedding table itself."""
    other: int
    """Dense MLPs, norms, state-space layers and all else."""
    tied: int
    """Weights of `embeddings` that are the output head as well."""

    @property
    def layers(self) -> int:
        """The number of layers in `stacks`."""
        return sum(layers for _, layers in self.stacks)

    @property
    def parts(self) -> dict[str, int]:
        """Weights by the name of the part they belong to."""
        return {
            "routed experts": self.routed,
            "shared experts": self.shared,
            "routers": self.routers,
            "attention": self.attention,
            "input embeddings": self.embeddings,
            "output head": self.output_head,
            "other": self.other,
        }

    @property
    def total(self) -> int:
        return sum(self.parts.values())

    @property
    def routed_per_token(self) -> int:
        """Weights of the routed experts that one token visits, in all blocks together."""
        return sum(block.parameters_per_token for block in self.blocks)

    @property
    def active(self) -> int:
        """Weights that one token uses: all weights, less the routed experts that it does not use.

        The embedding table counts in full, though a token reads one row of it, and both stacks
        of an encoder-decoder model count, though a token passes one of them.
        """
        return self.total - self.routed + self.routed_per_token

    @property
    def active_without_embeddings(self) -> int:
        """`active` without the input embeddings, as some makers count; a table that is the output head too stays."""
        return self.active - self.embeddings + self.tied

    @property
    def dense_layers(self) -> int:
        """Layers without routed experts."""
        return self.layers - len({block.layer for block in self.blocks})

    def bytes(self, dtype: str) -> int:
        """Memory of all weights in a dtype, by torch's name for it. Raises ModelError for an unknown one."""
        if dtype not in _BITS:
            raise ModelError(f"dtype {dtype!r} is not known: expected one of {', '.join(_BITS)}")
        return self.total * _BITS[dtype] // 8
