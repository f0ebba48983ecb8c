"""The architectures against what released checkpoints say in config.json: the same mathematics, field by field."""

from __future__ import annotations

from typing import Any

import pytest

from anyformer import architectures
from anyformer.interop.hf.canonical import canonical
from anyformer.interop.hf.family import find

LLAMA = {"model_type": "llama", "hidden_act": "silu", "tie_word_embeddings": False}
LLAMA3 = LLAMA | {"rms_norm_eps": 1e-5, "rope_theta": 500000.0, "vocab_size": 128256, "num_key_value_heads": 8}
LONG = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"}
QWEN2 = {"model_type": "qwen2", "hidden_act": "silu", "rope_theta": 1000000.0, "use_sliding_window": False, "rms_norm_eps": 1e-6}
QWEN3 = {"hidden_act": "silu", "rope_theta": 1000000, "head_dim": 128, "attention_bias": False, "rms_norm_eps": 1e-6, "vocab_size": 151936}
MIXTRAL = {"model_type": "mixtral", "hidden_act": "silu", "rms_norm_eps": 1e-5, "rope_theta": 1000000.0, "sliding_window": None, "vocab_size": 32000}
GEMMA = {"hidden_activation": "gelu_pytorch_tanh", "rms_norm_eps": 1e-6, "attention_bias": False}
GEMMA2 = GEMMA | {
    "model_type": "gemma2",
    "hidden_act": "gelu_pytorch_tanh",
    "attn_logit_softcapping": 50.0,
    "final_logit_softcapping": 30.0,
    "sliding_window": 4096,
    "vocab_size": 256000,
}
GEMMA3 = GEMMA | {"model_type": "gemma3_text", "rope_theta": 1000000.0, "rope_local_base_freq": 10000.0, "sliding_window_pattern": 6}


def size(d: int, layers: int, heads: int, d_ff: int, **more: Any) -> dict[str, Any]:
    return {"hidden_size": d, "num_hidden_layers": layers, "num_attention_heads": heads, "intermediate_size": d_ff, **more}


RELEASED: dict[str, dict[str, Any]] = {
    "llama-7b": LLAMA | size(4096, 32, 32, 11008, rms_norm_eps=1e-6, vocab_size=32000),
    "llama2-70b": LLAMA | size(8192, 80, 64, 28672, num_key_value_heads=8, rms_norm_eps=1e-5, vocab_size=32000),
    "llama3-8b": LLAMA3 | size(4096, 32, 32, 14336),
    "llama3.1-405b": LLAMA3 | size(16384, 126, 128, 53248, rope_scaling=LONG | {"factor": 8.0}),
    "llama3.2-1b": LLAMA3 | size(2048, 16, 32, 8192, rope_scaling=LONG | {"factor": 32.0}, head_dim=64, tie_word_embeddings=True),
    "llama3.2-3b": LLAMA3 | size(3072, 28, 24, 8192, rope_scaling=LONG | {"factor": 32.0}, head_dim=128, tie_word_embeddings=True),
    "mistral-7b": {"model_type": "mistral", "rope_theta": 10000.0, "sliding_window": 4096, "rms_norm_eps": 1e-5, "hidden_act": "silu"}
    | size(4096, 32, 32, 14336, num_key_value_heads=8, vocab_size=32000),
    "mixtral-8x7b": MIXTRAL | size(4096, 32, 32, 14336, num_key_value_heads=8, num_local_experts=8, num_experts_per_tok=2),
    "mixtral-8x22b": MIXTRAL | size(6144, 56, 48, 16384, num_key_value_heads=8, num_local_experts=8, num_experts_per_tok=2),
    "qwen2-0.5b": QWEN2 | size(896, 24, 14, 4864, num_key_value_heads=2, vocab_size=151936, tie_word_embeddings=True),
    "qwen2-7b": QWEN2 | size(3584, 28, 28, 18944, num_key_value_heads=4, vocab_size=152064, tie_word_embeddings=False),
    "qwen2.5-14b": QWEN2 | size(5120, 48, 40, 13824, num_key_value_heads=8, vocab_size=152064, tie_word_embeddings=False, rms_norm_eps=1e-5),
    "qwen3-0.6b": QWEN3 | size(1024, 28, 16, 3072, model_type="qwen3", num_key_value_heads=8, tie_word_embeddings=True),
    "qwen3-32b": QWEN3 | size(5120, 64, 64, 25600, model_type="qwen3", num_key_value_heads=8, tie_word_embeddings=False),
    "qwen3-30b-a3b": QWEN3
    | size(2048, 48, 32, 6144, model_type="qwen3_moe", num_key_value_heads=4, moe_intermediate_size=768, num_experts=128, num_experts_per_tok=8)
    | {"norm_topk_prob": True, "decoder_sparse_step": 1, "mlp_only_layers": [], "tie_word_embeddings": False},
    "gemma-2b": GEMMA | size(2048, 18, 8, 16384, model_type="gemma", num_key_value_heads=1, head_dim=256, rope_theta=10000.0, vocab_size=256000),
    "gemma-7b": GEMMA | size(3072, 28, 16, 24576, model_type="gemma", num_key_value_heads=16, head_dim=256, rope_theta=10000.0, vocab_size=256000),
    "gemma2-9b": GEMMA2 | size(3584, 42, 16, 14336, num_key_value_heads=8, head_dim=256, query_pre_attn_scalar=256),
    "gemma2-27b": GEMMA2 | size(4608, 46, 32, 36864, num_key_value_heads=16, head_dim=128, query_pre_attn_scalar=144),
    "gemma3-1b": GEMMA3 | size(1152, 26, 4, 6912, num_key_value_heads=1, head_dim=256, query_pre_attn_scalar=256, sliding_window=512, vocab_size=262144),
    "gemma3-27b": GEMMA3
    | size(5376, 62, 32, 21504, num_key_value_heads=16, head_dim=128, query_pre_attn_scalar=168, sliding_window=1024, vocab_size=262208)
    | {"rope_scaling": {"factor": 8.0, "rope_type": "linear"}},
}


@pytest.mark.parametrize("name", RELEASED)
def test_an_architecture_is_the_released_config(name: str) -> None:
    said = RELEASED[name]
    assert canonical(find(said["model_type"]).config(said)) == canonical(architectures.get(name))
