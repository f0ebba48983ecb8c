"""The decoders before LLaMA against transformers: GPT, GPT-2, GPT-Neo, GPT-J, GPT-NeoX, OPT, BLOOM, MPT, Falcon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hf_parity
import pytest
import torch
import transformers as hf
from transformers.models.falcon import modeling_falcon
from transformers.models.mpt import modeling_mpt

from anyformer.errors import ConversionError
from anyformer.interop import from_hf

GPT = {"vocab_size": 37, "n_embd": 30, "n_layer": 3, "n_head": 3, "n_positions": 24}
SAME = {"vocab_size": 37, "hidden_size": 30, "num_hidden_layers": 2, "num_attention_heads": 5}
FAMILIES: dict[str, tuple[type, type, dict[str, Any], list[dict[str, Any]]]] = {
    "openai-gpt": (hf.OpenAIGPTConfig, hf.OpenAIGPTLMHeadModel, GPT, [{}, {"afn": "swish"}]),
    "gpt2": (
        hf.GPT2Config,
        hf.GPT2LMHeadModel,
        GPT | {"bos_token_id": 1, "eos_token_id": 1},
        [
            {},
            {"scale_attn_by_inverse_layer_idx": True, "n_inner": 22, "activation_function": "gelu"},
            {"scale_attn_weights": False, "tie_word_embeddings": False},
        ],
    ),
    "gpt_neo": (
        hf.GPTNeoConfig,
        hf.GPTNeoForCausalLM,
        {
            "vocab_size": 37,
            "hidden_size": 30,
            "num_layers": 3,
            "num_heads": 3,
            "max_position_embeddings": 24,
            "window_size": 4,
            "bos_token_id": 1,
            "eos_token_id": 1,
        },
        [{"attention_types": [[["global", "local"], 1], [["global"], 1]]}, {"attention_types": [[["local"], 3]], "intermediate_size": 22}],
    ),
    "gptj": (
        hf.GPTJConfig,
        hf.GPTJForCausalLM,
        GPT | {"rotary_dim": 4, "bos_token_id": 1, "eos_token_id": 1},
        [{}, {"n_inner": 22}, {"rotary_dim": 10, "tie_word_embeddings": True}],
    ),
    "gpt_neox": (
        hf.GPTNeoXConfig,
        hf.GPTNeoXForCausalLM,
        SAME | {"num_attention_heads": 3, "intermediate_size": 22},
        [
            {"rotary_pct": 0.4},
            {"use_parallel_residual": False, "rotary_pct": 1.0, "hidden_act": "relu"},
            {"attention_bias": False, "rotary_pct": 0.6, "rotary_emb_base": 500.0},
            {"rotary_pct": 0.25},  # of 10 features: 2, and a rest
        ],
    ),
    "opt": (
        hf.OPTConfig,
        hf.OPTForCausalLM,
        SAME | {"ffn_dim": 22, "max_position_embeddings": 24},
        [
            {},
            {"do_layer_norm_before": False, "word_embed_proj_dim": 14},
            {"enable_bias": False, "_remove_final_layer_norm": True},
            {"activation_function": "gelu"},
        ],
    ),
    "bloom": (
        hf.BloomConfig,
        hf.BloomForCausalLM,
        {"vocab_size": 37, "hidden_size": 30, "n_layer": 2, "n_head": 5},
        [{}, {"apply_residual_connection_post_layernorm": True}, {"n_head": 3}],
    ),
    "mpt": (
        hf.MptConfig,
        hf.MptForCausalLM,
        {"vocab_size": 37, "d_model": 30, "n_layers": 2, "n_heads": 5, "max_seq_len": 24},
        [{}, {"attn_config": {"clip_qkv": 1.2, "softmax_scale": 0.3}}, {"n_heads": 3}, {"n_heads": 2}],
    ),
    "falcon": (
        hf.FalconConfig,
        hf.FalconForCausalLM,
        SAME | {"num_attention_heads": 3, "bos_token_id": 1, "eos_token_id": 1},
        [
            {},
            {"multi_query": False, "bias": True},
            {"new_decoder_architecture": True, "num_kv_heads": 1, "ffn_hidden_size": 22},
            {"new_decoder_architecture": True, "num_attention_heads": 15, "num_kv_heads": 5, "num_ln_in_parallel_attn": 1},
            {"parallel_attn": False, "multi_query": False, "activation": "relu"},
            {"tie_word_embeddings": False},
        ],
    ),
}
CASES = [(name, i) for name, (*_, options) in FAMILIES.items() for i in range(len(options))]


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_family(name: str, variant: int, tmp_path: Path) -> None:
    config, kind, sizes, options = FAMILIES[name]
    hf_parity.check_family(config(**(sizes | options[variant])), kind, tmp_path)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_every_key_is_seen(name: str) -> None:
    config, kind, sizes, options = FAMILIES[name]
    hf_parity.check_keys(config(**(sizes | options[0])), kind, but=("max_seq_len", "output_attentions"))  # these break MPT's bias and Falcon's mask


def test_mpt_follows_alibi_bias_max_which_transformers_reads_and_does_not_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = modeling_mpt.build_mpt_alibi_tensor
    monkeypatch.setattr(modeling_mpt, "build_mpt_alibi_tensor", lambda heads, length, _, device: built(heads, length, 5, device))
    config, kind, sizes, _ = FAMILIES["mpt"]
    hf_parity.check_family(config(**sizes, attn_config={"alibi_bias_max": 5}), kind, tmp_path)


def exact_alibi(attention_mask: torch.Tensor, num_heads: int, dtype: torch.dtype) -> torch.Tensor:
    """Their ALiBi without its rounding to bfloat16."""
    from transformers.models.bloom.modeling_bloom import build_alibi_tensor

    return build_alibi_tensor(attention_mask, num_heads, dtype)


@pytest.mark.parametrize("heads", [3, 5, 15])
def test_falcon_rw_without_the_rounding_of_transformers(heads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modeling_falcon, "build_alibi_tensor", exact_alibi)
    own = {"num_attention_heads": heads, "alibi": True, "parallel_attn": False, "multi_query": False, "bias": True, "bos_token_id": 1, "eos_token_id": 1}
    hf_parity.check_family(hf.FalconConfig(**(SAME | own)), hf.FalconForCausalLM, tmp_path)


def test_what_is_not_supported_is_named(tmp_path: Path) -> None:
    for name, options, said in (
        ("mpt", {"attn_config": {"alibi": False}}, "alibi"),
        ("gpt2", {"activation_function": "quick_gelu_of_mine"}, "activation_function"),
        ("bloom", {"pretraining_tp": 2, "slow_but_exact": True}, "slow_but_exact"),
    ):
        config, kind, sizes, _ = FAMILIES[name]
        folder = tmp_path / name
        made = config(**sizes)
        hf_parity.random_model(made, kind).save_pretrained(folder)
        for key, value in options.items():
            setattr(made, key, hf.models.mpt.configuration_mpt.MptAttentionConfig(**value) if isinstance(value, dict) else value)
        made.architectures = [kind.__name__]
        (folder / "config.json").write_text(made.to_json_string())
        with pytest.raises(ConversionError, match=said):
            from_hf(folder)
