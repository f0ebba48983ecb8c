"""The families that grew from LLaMA against Hugging Face: odd numbers of heads, one key head, windows, caps, two rotary bases, fused tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hf_parity import check_family, check_keys
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GemmaConfig,
    GemmaForCausalLM,
    Glm4Config,
    Glm4ForCausalLM,
    GlmConfig,
    GlmForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Olmo2Config,
    Olmo2ForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

SIZE = {"vocab_size": 37, "hidden_size": 30, "intermediate_size": 22, "num_hidden_layers": 3, "max_position_embeddings": 64, "pad_token_id": 0}
GROUPED = {"num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 8}
ONE_KEY = {"num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 12}
NARROW = {"num_attention_heads": 5, "num_key_value_heads": 5}
THETA = {"rope_parameters": {"rope_type": "default", "rope_theta": 3e3}}
HALF = {"rope_parameters": {"rope_type": "default", "rope_theta": 3e3, "partial_rotary_factor": 0.5}}
PART = {"rope_parameters": {"rope_type": "default", "rope_theta": 3e3, "partial_rotary_factor": 0.4}}
LONG = {
    "rope_parameters": {
        "rope_type": "longrope",
        "rope_theta": 1e4,
        "short_factor": [1.0, 1.1, 1.3],
        "long_factor": [2.0, 3.0, 4.0],
        "original_max_position_embeddings": 8,
    },
    "original_max_position_embeddings": 8,
}
BY_TYPE = {
    "rope_parameters": {
        "full_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 5e3},
        "sliding_attention": {"rope_type": "default", "rope_theta": 2e2},
    }
}
VARIANTS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "mistral": (MistralConfig, MistralForCausalLM, GROUPED | THETA | {"sliding_window": 4}),
    "mistral, no window": (MistralConfig, MistralForCausalLM, ONE_KEY | {"sliding_window": None, "tie_word_embeddings": True}),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM, {"num_attention_heads": 3, "num_key_value_heads": 1} | THETA),
    "qwen2, windows": (Qwen2Config, Qwen2ForCausalLM, NARROW | {"use_sliding_window": True, "sliding_window": 3, "max_window_layers": 2}),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM, GROUPED | THETA | {"tie_word_embeddings": True}),
    "qwen3, windows": (
        Qwen3Config,
        Qwen3ForCausalLM,
        ONE_KEY | {"attention_bias": True, "use_sliding_window": True, "sliding_window": 3, "max_window_layers": 1},
    ),
    "gemma": (GemmaConfig, GemmaForCausalLM, GROUPED | THETA),
    "gemma, biases": (GemmaConfig, GemmaForCausalLM, ONE_KEY | {"attention_bias": True, "tie_word_embeddings": False}),
    "gemma2": (Gemma2Config, Gemma2ForCausalLM, GROUPED | {"sliding_window": 4, "query_pre_attn_scalar": 11}),
    "gemma2, narrow caps": (
        Gemma2Config,
        Gemma2ForCausalLM,
        ONE_KEY | {"sliding_window": 3, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 1.5, "query_pre_attn_scalar": 7},
    ),
    "gemma3": (Gemma3TextConfig, Gemma3ForCausalLM, GROUPED | BY_TYPE | {"sliding_window": 4, "query_pre_attn_scalar": 11}),
    "gemma3, dynamic": (
        Gemma3TextConfig,
        Gemma3ForCausalLM,
        GROUPED
        | {"sliding_window": 4, "max_position_embeddings": 5}
        | {"rope_parameters": BY_TYPE["rope_parameters"] | {"full_attention": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 5e3}}},
    ),
    "gemma3, by default": (Gemma3TextConfig, Gemma3ForCausalLM, ONE_KEY | {"sliding_window": 3, "num_hidden_layers": 7, "final_logit_softcapping": 3.0}),
    "glm": (GlmConfig, GlmForCausalLM, GROUPED | HALF),
    "glm, no biases": (GlmConfig, GlmForCausalLM, ONE_KEY | {"attention_bias": False}),
    "glm, a share and a rest": (
        GlmConfig,
        GlmForCausalLM,
        GROUPED | {"head_dim": 14, "rope_parameters": HALF["rope_parameters"] | {"partial_rotary_factor": 0.3}},
    ),
    "glm4": (Glm4Config, Glm4ForCausalLM, GROUPED | HALF),
    "phi3": (Phi3Config, Phi3ForCausalLM, {"num_attention_heads": 3, "num_key_value_heads": 1, "sliding_window": 4} | PART),
    "phi3, long": (Phi3Config, Phi3ForCausalLM, NARROW | LONG),
    "olmo2": (Olmo2Config, Olmo2ForCausalLM, {"num_attention_heads": 3, "num_key_value_heads": 1} | THETA),
    "olmo2, biases": (Olmo2Config, Olmo2ForCausalLM, NARROW | {"attention_bias": True}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_equal_logits_and_the_same_file_again(variant: str, tmp_path: Path) -> None:
    config, kind, options = VARIANTS[variant]
    packed = variant not in ("phi3, long", "gemma3, dynamic")  # the longest row decides on the divisors
    check_family(config(**SIZE | options), kind, tmp_path, packed=packed)


@pytest.mark.parametrize("variant", [v for v in VARIANTS if "," not in v])
def test_no_key_is_overlooked(variant: str) -> None:
    config, kind, options = VARIANTS[variant]
    check_keys(config(**SIZE | options), kind)
