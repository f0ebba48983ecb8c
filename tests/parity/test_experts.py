"""Decoders with experts against Hugging Face: how many are chosen of how many, weights with and without their sum, dense layers between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hf_parity import check_family, check_keys
from transformers import (
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    Qwen2MoeConfig,
    Qwen2MoeForCausalLM,
    Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
)

SIZE = {"vocab_size": 37, "hidden_size": 30, "intermediate_size": 22, "num_hidden_layers": 3, "max_position_embeddings": 64, "pad_token_id": 0}
GROUPED = {"num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 8}
ONE_KEY = {"num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 12}
LATENT = {"num_attention_heads": 3, "num_key_value_heads": 3, "kv_lora_rank": 10, "qk_nope_head_dim": 6, "qk_rope_head_dim": 4, "v_head_dim": 7}
ROUTED = {"n_routed_experts": 9, "num_experts_per_tok": 4, "n_group": 3, "topk_group": 2, "moe_intermediate_size": 11, "first_k_dense_replace": 1}
YARN = {"rope_type": "yarn", "rope_theta": 1e3, "factor": 8.0, "original_max_position_embeddings": 8, "mscale": 0.7, "mscale_all_dim": 1.3}
VARIANTS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "mixtral": (MixtralConfig, MixtralForCausalLM, GROUPED | {"num_local_experts": 5, "num_experts_per_tok": 2}),
    "mixtral, windows": (MixtralConfig, MixtralForCausalLM, ONE_KEY | {"num_local_experts": 3, "num_experts_per_tok": 3, "sliding_window": 4}),
    "qwen3_moe": (Qwen3MoeConfig, Qwen3MoeForCausalLM, GROUPED | {"num_experts": 7, "num_experts_per_tok": 3, "moe_intermediate_size": 14}),
    "qwen3_moe, some": (
        Qwen3MoeConfig,
        Qwen3MoeForCausalLM,
        ONE_KEY
        | {"num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 10, "norm_topk_prob": True, "num_hidden_layers": 5, "decoder_sparse_step": 2}
        | {"mlp_only_layers": [3], "attention_bias": True, "use_sliding_window": True, "sliding_window": 4},
    ),
    "qwen3_moe, none": (Qwen3MoeConfig, Qwen3MoeForCausalLM, GROUPED | {"num_experts": 0, "num_experts_per_tok": 0, "moe_intermediate_size": 0}),
    "qwen3_moe, none by name": (Qwen3MoeConfig, Qwen3MoeForCausalLM, ONE_KEY | {"mlp_only_layers": [0, 1, 2], "sliding_window": 4, "use_sliding_window": True}),
    "qwen3_moe, none by step": (Qwen3MoeConfig, Qwen3MoeForCausalLM, GROUPED | {"decoder_sparse_step": 4}),
    "qwen2_moe": (
        Qwen2MoeConfig,
        Qwen2MoeForCausalLM,
        {"hidden_size": 24, "num_attention_heads": 6, "num_key_value_heads": 2, "num_experts": 7, "num_experts_per_tok": 3}
        | {"moe_intermediate_size": 14, "shared_expert_intermediate_size": 19},
    ),
    "qwen2_moe, some": (
        Qwen2MoeConfig,
        Qwen2MoeForCausalLM,
        ONE_KEY
        | {"num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 10, "shared_expert_intermediate_size": 9, "norm_topk_prob": True}
        | {"num_hidden_layers": 6, "decoder_sparse_step": 2, "mlp_only_layers": [3], "qkv_bias": False}
        | {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 4},
    ),
    "qwen2_moe, none": (Qwen2MoeConfig, Qwen2MoeForCausalLM, GROUPED | {"num_experts": 0}),
    "deepseek_v3": (DeepseekV3Config, DeepseekV3ForCausalLM, LATENT | ROUTED | {"q_lora_rank": 14, "n_shared_experts": 2, "rope_parameters": YARN}),
    "deepseek_v3, plain queries": (
        DeepseekV3Config,
        DeepseekV3ForCausalLM,
        LATENT | ROUTED | {"q_lora_rank": None, "attention_bias": True, "rope_interleave": False, "norm_topk_prob": False, "first_k_dense_replace": 0},
    ),
    "deepseek_v3, none": (DeepseekV3Config, DeepseekV3ForCausalLM, LATENT | ROUTED | {"q_lora_rank": 14, "first_k_dense_replace": 3}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_equal_logits_and_the_same_file_again(variant: str, tmp_path: Path) -> None:
    config, kind, options = VARIANTS[variant]
    check_family(config(**SIZE | options), kind, tmp_path)


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_key_is_overlooked(variant: str) -> None:
    config, kind, options = VARIANTS[variant]
    check_keys(config(**SIZE | options), kind)
