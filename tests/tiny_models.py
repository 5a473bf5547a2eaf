"""Tiny random models of each recorded family, made by transformers from a config alone.

Selection biases are random too: their usual zeros would hide a wrong choice.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import (
    DeepseekV3Config,
    GptOssConfig,
    MixtralConfig,
    OlmoeConfig,
    Qwen2MoeConfig,
    Qwen3MoeConfig,
    SwitchTransformersConfig,
)
from transformers.models.auto.modeling_auto import AutoModelForCausalLM, AutoModelForSeq2SeqLM

VOCAB = 99
_COMMON = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_QWEN = _COMMON | {
    "num_experts": 8,
    "num_experts_per_tok": 3,
    "moe_intermediate_size": 24,
    "decoder_sparse_step": 1,
}

CONFIGS: dict[str, Any] = {
    "mixtral": lambda: MixtralConfig(**_COMMON, num_local_experts=8, num_experts_per_tok=2),
    "olmoe": lambda: OlmoeConfig(**_COMMON, num_experts=8, num_experts_per_tok=3, norm_topk_prob=False),
    "olmoe normalised": lambda: OlmoeConfig(**_COMMON, num_experts=8, num_experts_per_tok=3, norm_topk_prob=True),
    "qwen2_moe": lambda: Qwen2MoeConfig(**_QWEN, shared_expert_intermediate_size=40, norm_topk_prob=False),
    "qwen3_moe": lambda: Qwen3MoeConfig(**_QWEN, head_dim=8, norm_topk_prob=True),
    "qwen3_moe top-1": lambda: Qwen3MoeConfig(**_QWEN | {"num_experts_per_tok": 1}, norm_topk_prob=False),
    "deepseek_v3": lambda: DeepseekV3Config(
        **_COMMON | {"num_key_value_heads": 4},
        moe_intermediate_size=24,
        n_routed_experts=8,
        num_experts_per_tok=2,
        n_shared_experts=2,
        n_group=4,
        topk_group=2,
        norm_topk_prob=True,
        routed_scaling_factor=2.5,
        first_k_dense_replace=1,
        q_lora_rank=16,
        kv_lora_rank=8,
        qk_rope_head_dim=4,
        qk_nope_head_dim=4,
        v_head_dim=8,
    ),
    "gpt_oss": lambda: GptOssConfig(
        **_COMMON, head_dim=8, num_local_experts=8, num_experts_per_tok=2, sliding_window=16
    ),
    "switch_transformers": lambda: SwitchTransformersConfig(
        vocab_size=VOCAB,
        d_model=32,
        d_kv=8,
        d_ff=48,
        num_layers=4,
        num_decoder_layers=4,
        num_heads=4,
        num_sparse_encoder_layers=2,
        num_sparse_decoder_layers=2,
        num_experts=4,
        expert_capacity=3,
        dropout_rate=0.0,
        decoder_start_token_id=0,
    ),
}


def tiny_model(name: str, seed: int = 0, **attention: str) -> Any:
    """A random model of the family that `CONFIGS` calls `name`, in float32."""
    torch.manual_seed(seed)
    config = CONFIGS[name]()
    auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    model = auto.from_config(config, **attention).eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if parameter.dim() >= 2 or "bias" in parameter_name:
                parameter.normal_(std=0.3)
        for buffer_name, buffer in model.named_buffers():
            if "correction_bias" in buffer_name:
                buffer.normal_(std=0.5)
    return model


def token_ids(count: int = 17, seed: int = 1) -> list[int]:
    """Random token ids beyond the special ones."""
    return torch.randint(3, VOCAB, (count,), generator=torch.Generator().manual_seed(seed)).tolist()
