"""The bundled model's shape."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

VOCAB_SIZE = 8192
CONTEXT = 1024


@dataclass(frozen=True)
class Shape:
    """The sizes of a Qwen3-MoE with experts in every layer; the defaults are the bundled model's."""

    layers: int = 6
    experts: int = 16
    top_k: int = 2
    hidden: int = 192
    expert_width: int = 192
    heads: int = 6
    key_value_heads: int = 3
    head_width: int = 32


BUNDLED = Shape()


def build_model(vocab_size: int, end_of_text: int, seed: int, shape: Shape = BUNDLED) -> Qwen3MoeForCausalLM:
    """A Qwen3-MoE of this shape, with random weights drawn from `seed`."""
    torch.manual_seed(seed)
    config = Qwen3MoeConfig(
        vocab_size=vocab_size,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        head_dim=shape.head_width,
        intermediate_size=2 * shape.expert_width,  # of dense layers: there are none
        moe_intermediate_size=shape.expert_width,
        num_experts=shape.experts,
        num_experts_per_tok=shape.top_k,
        norm_topk_prob=True,
        decoder_sparse_step=1,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        use_sliding_window=False,
        output_router_logits=False,
        bos_token_id=None,
        eos_token_id=end_of_text,
        pad_token_id=end_of_text,
    )
    model = Qwen3MoeForCausalLM(config)
    for module in model.modules():
        if type(module).__name__ == "Qwen3MoeTopKRouter":
            nn.init.normal_(module.weight, std=0.02)  # the stock class starts at zero: all experts tie
    return model
