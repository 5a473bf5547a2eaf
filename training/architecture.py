"""The bundled model's shape."""

from __future__ import annotations

import torch
from torch import nn
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

VOCAB_SIZE = 8192
CONTEXT = 1024


def build_model(vocab_size: int, end_of_text: int, seed: int) -> Qwen3MoeForCausalLM:
    """A Qwen3-MoE of 6 layers x 16 experts, top-2, with random weights drawn from `seed`."""
    torch.manual_seed(seed)
    config = Qwen3MoeConfig(
        vocab_size=vocab_size,
        hidden_size=192,
        num_hidden_layers=6,
        num_attention_heads=6,
        num_key_value_heads=3,
        head_dim=32,
        intermediate_size=384,
        moe_intermediate_size=192,
        num_experts=16,
        num_experts_per_tok=2,
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
