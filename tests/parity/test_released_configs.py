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
NEOX = {"model_type": "gpt_neox", "rotary_pct": 0.25, "rotary_emb_base": 10000, "use_parallel_residual": True, "layer_norm_eps": 1e-5}
OPT = {"model_type": "opt", "activation_function": "relu", "max_position_embeddings": 2048, "vocab_size": 50272, "_remove_final_layer_norm": False}
BLOOM = {"model_type": "bloom", "vocab_size": 250880, "layer_norm_epsilon": 1e-5, "apply_residual_connection_post_layernorm": False, "offset_alibi": 100}
FALCON = {"model_type": "falcon", "layer_norm_epsilon": 1e-5, "hidden_dropout": 0.0, "attention_dropout": 0.0}
YARN = {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0}


def size(d: int, layers: int, heads: int, d_ff: int, **more: Any) -> dict[str, Any]:
    return {"hidden_size": d, "num_hidden_layers": layers, "num_attention_heads": heads, "intermediate_size": d_ff, **more}


RELEASED: dict[str, dict[str, Any]] = {
    "gpt1": {"model_type": "openai-gpt", "afn": "gelu", "n_ctx": 512, "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 512, "vocab_size": 40478},
    "gpt2-xl": {"model_type": "gpt2", "activation_function": "gelu_new", "n_ctx": 1024, "n_embd": 1600, "n_head": 25, "n_layer": 48, "n_positions": 1024}
    | {"layer_norm_epsilon": 1e-5, "vocab_size": 50257},
    "gpt-neo-125m": {"model_type": "gpt_neo", "activation_function": "gelu_new", "attention_types": [[["global", "local"], 6]], "hidden_size": 768}
    | {"num_heads": 12, "num_layers": 12, "window_size": 256, "max_position_embeddings": 2048, "vocab_size": 50257, "intermediate_size": None},
    "gpt-j-6b": {"model_type": "gptj", "activation_function": "gelu_new", "n_embd": 4096, "n_head": 16, "n_layer": 28, "n_positions": 2048}
    | {"n_inner": None, "rotary_dim": 64, "layer_norm_epsilon": 1e-5, "vocab_size": 50400, "tie_word_embeddings": False},
    "gpt-neox-20b": NEOX | size(6144, 44, 64, 24576, hidden_act="gelu_fast", vocab_size=50432, max_position_embeddings=2048, tie_word_embeddings=False),
    "pythia-70m": NEOX | size(512, 6, 8, 2048, hidden_act="gelu", vocab_size=50304, max_position_embeddings=2048, tie_word_embeddings=False),
    "opt-125m": OPT
    | {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "ffn_dim": 3072, "word_embed_proj_dim": 768}
    | {"do_layer_norm_before": True},
    "opt-350m": OPT
    | {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "ffn_dim": 4096, "word_embed_proj_dim": 512}
    | {"do_layer_norm_before": False},
    "bloom-560m": BLOOM | {"n_embed": 1024, "n_layer": 24, "num_attention_heads": 16},
    "bloom-176b": BLOOM | {"n_embed": 14336, "n_layer": 70, "num_attention_heads": 112},
    "falcon-7b": FALCON
    | {"hidden_size": 4544, "num_hidden_layers": 32, "num_attention_heads": 71, "multi_query": True, "parallel_attn": True}
    | {"alibi": False, "bias": False, "new_decoder_architecture": False, "vocab_size": 65024},
    "falcon-40b": FALCON
    | {"hidden_size": 8192, "num_hidden_layers": 60, "num_attention_heads": 128, "num_kv_heads": 8, "parallel_attn": True}
    | {"alibi": False, "bias": False, "new_decoder_architecture": True, "vocab_size": 65024},
    "falcon-rw-1b": FALCON
    | {"hidden_size": 2048, "num_hidden_layers": 24, "num_attention_heads": 32, "multi_query": False, "parallel_attn": False}
    | {"alibi": True, "bias": True, "new_decoder_architecture": False, "vocab_size": 50304},
    "mpt-7b": {"model_type": "mpt", "d_model": 4096, "n_heads": 32, "n_layers": 32, "max_seq_len": 2048, "no_bias": True, "vocab_size": 50432}
    | {"attn_config": {"alibi": True, "alibi_bias_max": 8, "attn_type": "multihead_attention", "clip_qkv": None}, "expansion_ratio": 4},
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
    "deepseek-v3": size(7168, 61, 128, 18432, model_type="deepseek_v3", moe_intermediate_size=2048, n_routed_experts=256, n_shared_experts=1, vocab_size=129280)
    | {"num_experts_per_tok": 8, "first_k_dense_replace": 3, "moe_layer_freq": 1, "n_group": 8, "topk_group": 4, "norm_topk_prob": True}
    | {"routed_scaling_factor": 2.5, "scoring_func": "sigmoid", "topk_method": "noaux_tc", "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128}
    | {"qk_rope_head_dim": 64, "v_head_dim": 128, "num_key_value_heads": 128, "rms_norm_eps": 1e-6, "rope_theta": 10000, "hidden_act": "silu"}
    | {"attention_bias": False, "tie_word_embeddings": False}
    | {"rope_scaling": YARN},
}


@pytest.mark.parametrize("name", RELEASED)
def test_an_architecture_is_the_released_config(name: str) -> None:
    said = RELEASED[name]
    assert canonical(find(said["model_type"]).config(said)) == canonical(architectures.get(name))
