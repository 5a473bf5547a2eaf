"""A tiny random model of every MoE family of transformers, made from a config alone.

All take their sizes from one table, as far as their config knows the word; a family's own
line adds what its build asks for. Selection biases, token tables and factors of experts are
random too: their usual zeros and ones would hide a wrong reading.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import torch
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING

from tests.tiny_models import VOCAB

LAYERS = 4
EXPERTS = 8

_PER_EXPERT = ("correction_bias", "expert_bias", "balancing_biases", "per_expert_scale")

_NARROW = 64
_EXPERT_WIDTH = 48
_SIZES: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model"), _NARROW),
    **dict.fromkeys(("intermediate_size", "ffn_hidden_size", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim"), 56),
    **dict.fromkeys(("moe_intermediate_size", "expert_ffn_hidden_size", "intermediate_size_mlp"), _EXPERT_WIDTH),
    **dict.fromkeys(
        ("num_hidden_layers", "n_layers", "num_decoder_layers", "encoder_layers", "decoder_layers"), LAYERS
    ),
    **dict.fromkeys(("num_attention_heads", "n_heads", "num_heads", "encoder_attention_heads"), 4),
    **dict.fromkeys(("decoder_attention_heads", "mamba_n_heads", "mamba_num_heads"), 4),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), EXPERTS),
    **dict.fromkeys(("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k", "top_k_experts"), 2),
    **dict.fromkeys(("shared_expert_intermediate_size", "shared_intermediate_size", "share_expert_dim"), 40),
    **dict.fromkeys(("shared_experts_intermediate_size", "moe_shared_expert_intermediate_size"), 40),
    **dict.fromkeys(("n_shared_experts", "num_shared_experts", "moe_num_shared_experts"), 1),
    **dict.fromkeys(("n_group", "num_expert_group", "encoder_sparse_step", "decoder_sparse_step"), 2),
    **dict.fromkeys(("topk_group", "first_k_dense_replace", "num_dense_layers"), 1),
    **dict.fromkeys(("num_key_value_heads", "n_groups", "num_global_key_value_heads", "hc_mult", "o_groups"), 2),
    **dict.fromkeys(("head_dim", "global_head_dim", "v_head_dim", "kv_channels", "kv_lora_rank", "d_kv"), 16),
    **dict.fromkeys(("mamba_d_head", "mamba_head_dim", "mamba_d_state", "ssm_state_size", "linear_head_dim"), 16),
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim", "index_head_dim", "router_hidden_size"), 16),
    **dict.fromkeys(("sliding_window", "sliding_window_size", "chunk_size", "mamba_chunk_size", "block_size"), 16),
    **dict.fromkeys(("qk_rope_head_dim", "qk_nope_head_dim", "index_topk", "o_lora_rank", "mamba_dt_rank"), 8),
    **dict.fromkeys(("linear_num_value_heads", "linear_num_heads", "zero_expert_num"), 4),
    **dict.fromkeys(("linear_num_key_heads", "index_n_heads", "num_sparse_encoder_layers"), 2),
    **dict.fromkeys(("norm_topk_prob", "enable_moe_block", "is_moe"), True),
    "num_sparse_decoder_layers": 2,
    "num_layers": LAYERS,
    "mlp_layer_types": ["dense"] + ["sparse"] * (LAYERS - 1),
    "q_lora_rank": 32,
    "qk_head_dim": 16,
    "moe_hidden_size": 32,
    "dense_intermediate_size": 56,
    "conv_L_cache": 3,
    "block_multiple_of": 8,
    "hidden_size_per_layer_input": 0,
    "vocab_size_per_layer_input": VOCAB,
    "vocab_size": VOCAB,
    **dict.fromkeys(("max_position_embeddings", "max_seq_len"), 64),
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 2,
    "routed_scaling_factor": 1.5,
    "route_scale": 1.5,
    "router_scaling_factor": 1.5,
    "moe_routed_scaling_factor": 1.5,
    "moe_router_scaling_factor": 1.5,
    "use_mamba_kernels": False,
}
_LATENT = {"num_key_value_heads": 4, "head_dim": 8}  # multi-head latent attention: as many keys as heads
_LINEAR = {"layer_types": ["linear_attention", "linear_attention", "full_attention", "full_attention"]}
_OWN: dict[str, dict[str, Any]] = {
    "axk1": _LATENT,
    "axk2": _LATENT,
    "bailing_hybrid": _LATENT | _LINEAR,
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "clip_qkv": 8, "rope_theta": 10000.0},
        "ffn_config": {"ffn_hidden_size": 48, "moe_num_experts": EXPERTS, "moe_top_k": 2, "moe_jitter_eps": None},
    },
    "deepseek_ocr2": {"topk_method": "group_limited_greedy"},
    "deepseek_v2": _LATENT | {"topk_method": "group_limited_greedy"},
    "deepseek_v3": _LATENT,
    "deepseek_v32": _LATENT,
    "deepseek_v4": {
        "mlp_layer_types": ["hash_moe", "hash_moe", "moe", "moe"],
        "partial_rotary_factor": 0.5,
        "compress_rope_theta": 10000.0,
    },
    "doge": {"num_experts": 64, "num_experts_per_tok": 4, "keep_window_size": 64},
    "dots3_note": {
        "num_key_value_heads": 4,
        "swa_num_attention_heads": 4,
        "swa_num_key_value_heads": 4,
        "swa_q_lora_rank": 32,
        "swa_kv_lora_rank": 16,
        "swa_head_dim": 16,
        "swa_qk_nope_head_dim": 8,
        "swa_v_head_dim": 16,
    },
    "ernie4_5_moe": {"moe_layer_start_index": 1, "moe_layer_end_index": 3},
    "ernie4_5_vl_moe": {
        "moe_intermediate_size": [48, 24],
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 2, 4]},
    },
    "glm4_moe_lite": _LATENT,
    "glm4v_moe": {
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000.0,
            "mrope_section": [2, 3, 3],
            "partial_rotary_factor": 1.0,
        }
    },
    "glm5_next": {"num_key_value_heads": 4, "index_topk": 16, "qk_rope_head_dim": 0, "qk_nope_head_dim": 16},
    "glm_moe_dsa": _LATENT,
    "granitemoehybrid": {"layer_types": ["linear_attention", "full_attention"] * 2, "mamba_n_heads": 8},
    "hunyuan_v1_moe": {"moe_topk": [1, 2, 3, 2]},
    "jamba": {"attn_layer_period": 4, "attn_layer_offset": 2, "expert_layer_period": 2, "expert_layer_offset": 1},
    "kimi_linear": _LATENT | _LINEAR,
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 2},
    "longcat_flash": {"num_layers": 2, "num_hidden_layers": 4, "num_key_value_heads": 4, "head_dim": 8},
    "minimax": {"block_size": 16},
    "mistral4": {"num_key_value_heads": 4},
    "mistral_large4": {"num_key_value_heads": 4, "head_dim": 8},
    "nemotron_h": {"layer_types": ["mamba", "moe", "attention", "moe"], "mamba_num_heads": 8},
    "qwen4_exp": {
        "indexer_n_heads": 2,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 16,
        "indexer_budget": 8,
        "indexer_compress_ratio": 4,
    },
    "unlimited_ocr": {"topk_method": "group_limited_greedy"},
    "zaya": {"num_experts_per_tok": 1},
}
_MODELS = {
    "aria": "AriaTextForCausalLM",
    "deepseek_ocr2": "DeepseekOcr2TextModel",
    "diffusion_gemma": "DiffusionGemmaEncoderTextModel",
    "dots3_note": "Dots3NoteForCausalLM",
    "ernie4_5_vl_moe": "Ernie4_5_VLMoeTextModel",
    "gemma4": "Gemma4ForCausalLM",
    "glm4v_moe": "Glm4vMoeTextModel",
    "glm5_next": "Glm5NextTextModel",
    "inkling": "InklingForCausalLM",
    "inkling2": "Inkling2ForCausalLM",
    "llama4": "Llama4ForCausalLM",
    "minimax_m3_vl": "MiniMaxM3VLForCausalLM",
    "mistral4": "Mistral4ForCausalLM",
    "mistral_large4": "MistralLarge4TextModel",
    "muse_spark": "MuseSparkTextModel",
    "openai_privacy_filter": "OpenAIPrivacyFilterForTokenClassification",
    "qwen3_5_moe": "Qwen3_5MoeForCausalLM",
    "qwen3_omni_moe": "Qwen3OmniMoeThinkerTextModel",
    "qwen3_vl_moe": "Qwen3VLMoeTextModel",
    "qwen4_exp": "Qwen4ExpForCausalLM",
    "step3p7": "Step3p7TextModel",
    "unlimited_ocr": "UnlimitedOcrTextModel",
}
"""Where the family's own config makes more than a language model: the class of its text tower."""

_FROM_SECOND = [1, 2, 3]
_EVERY_SECOND = [1, 3]
_BOTH_STACKS = [1, 3, 1, 3]
MOE_LAYERS: dict[str, list[int]] = {
    **dict.fromkeys(("afmoe", "axk1", "axk2", "bailing_hybrid", "beam", "cohere2_moe", "deepseek_ocr2"), _FROM_SECOND),
    **dict.fromkeys(
        ("deepseek_v2", "deepseek_v3", "deepseek_v32", "dots1", "dots3_note", "ernie4_5_moe"), _FROM_SECOND
    ),
    **dict.fromkeys(("ernie4_5_vl_moe", "exaone_moe", "glm4_moe", "glm4_moe_lite", "glm4v_moe"), _FROM_SECOND),
    **dict.fromkeys(("glm5_next", "glm_moe_dsa", "hy_v3", "hy_v4", "inkling", "kimi_linear", "laguna"), _FROM_SECOND),
    **dict.fromkeys(("lfm2_moe", "mellum", "mimo_v2_flash", "minimax_m3_vl", "mistral4"), _FROM_SECOND),
    **dict.fromkeys(("mistral_large4", "muse_spark", "step3p7", "unlimited_ocr"), _FROM_SECOND),
    **dict.fromkeys(("jamba", "nemotron_h", "qwen2_moe", "qwen3_moe", "qwen3_next"), _EVERY_SECOND),
    **dict.fromkeys(("qwen3_omni_moe", "qwen3_vl_moe"), _EVERY_SECOND),
    **dict.fromkeys(("switch_transformers", "nllb_moe"), _BOTH_STACKS),
    "flint": [3],
    "jetmoe": [0, 0, 1, 1, 2, 2, 3, 3],
    "longcat_flash": [0, 1],
}
"""The layers that route, by the config; where a family is missing, all do."""


def tiny_family(family: str, **own: Any) -> Any:
    """A random float32 model of `family`; `own` overrides words of its config."""
    torch.manual_seed(0)
    model = _made(family, own).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
            if name.endswith("tid2eid"):
                for row in tensor:
                    row.copy_(torch.randperm(EXPERTS, generator=generator)[: len(row)])
            elif name.endswith(_PER_EXPERT):
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.15 + name.endswith("scale"))
            elif isinstance(tensor, torch.nn.Parameter) and (tensor.dim() >= 2 or name.endswith("bias")):
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * tensor.shape[-1] ** -0.5)
    return model


def _made(family: str, own: dict[str, Any]) -> Any:
    if family not in _MODELS:
        config = _config(CONFIG_MAPPING[family.replace("nllb_moe", "nllb-moe")], family, own)
        auto = MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING if config.is_encoder_decoder else MODEL_FOR_CAUSAL_LM_MAPPING
        return auto[type(config)](config)
    model_class = getattr(import_module(f"transformers.models.{family}.modeling_{family}"), _MODELS[family])
    return model_class(_config(model_class.config_class, family, own))


def _config(config_class: Any, family: str, own: dict[str, Any]) -> Any:
    """The config of these sizes; of two words for one thing the class's own is given."""
    known = set(inspect.signature(config_class).parameters)
    aliases = {alias for alias, word in config_class.attribute_map.items() if word in _SIZES and word in known}
    sizes = {word: size for word, size in _SIZES.items() if word in known - aliases}
    alias_sizes = {
        alias: _SIZES[alias]
        for alias, word in config_class.attribute_map.items()
        if alias in _SIZES and word not in sizes and word not in _SIZES
    }
    return config_class(**alias_sizes | sizes | _OWN.get(family, {}) | own)
