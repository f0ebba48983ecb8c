"""LLaMA against Hugging Face: grouped and single key heads, heads wider than d_model / n_heads, biases, every scaling of rotary positions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hf_parity import check_family, check_keys
from transformers import LlamaConfig, LlamaForCausalLM

SIZE = {"vocab_size": 37, "hidden_size": 30, "intermediate_size": 22, "num_hidden_layers": 3, "max_position_embeddings": 64}
HEADS = {"num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 8}
VARIANTS: dict[str, dict[str, Any]] = {
    "llama-1": {"num_attention_heads": 5, "num_key_value_heads": 5, "head_dim": 6, "rms_norm_eps": 1e-5},
    "grouped": HEADS | {"rope_parameters": {"rope_type": "default", "rope_theta": 7e3}, "pad_token_id": 3},
    "one key head": {"num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 4, "tie_word_embeddings": True},
    "biases": HEADS | {"attention_bias": True, "mlp_bias": True, "hidden_act": "gelu_new"},
    "linear": HEADS | {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 3.0}},
    "dynamic": HEADS | {"max_position_embeddings": 5, "rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}},
    "llama-3": HEADS
    | {
        "rope_parameters": {
            "rope_type": "llama3",
            "rope_theta": 5e3,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 16,
        }
    },
    "yarn": HEADS | {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 16, "beta_fast": 2.0}},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_equal_logits_and_the_same_file_again(variant: str, tmp_path: Path) -> None:
    packed = variant != "dynamic"  # its frequencies follow the longest row, so a document alone is another thing
    check_family(LlamaConfig(**SIZE | VARIANTS[variant]), LlamaForCausalLM, tmp_path, packed=packed)


def test_no_key_is_overlooked() -> None:
    check_keys(LlamaConfig(**SIZE | VARIANTS["grouped"]), LlamaForCausalLM)
