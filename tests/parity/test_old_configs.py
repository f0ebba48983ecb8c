"""config.json as transformers wrote it before version 5: rotary positions in keys of their own, no layer types, other names; and numbers left to defaults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hf_parity import assert_close, random_model
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GemmaConfig,
    GemmaForCausalLM,
    GlmConfig,
    GlmForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from anyformer.errors import ConversionError
from anyformer.interop import from_hf

SIZE = {"vocab_size": 37, "hidden_size": 30, "intermediate_size": 22, "num_hidden_layers": 4, "max_position_embeddings": 64, "pad_token_id": 0}
HEADS = {"num_attention_heads": 3, "num_key_value_heads": 1}
WIDE = HEADS | {"head_dim": 12}
LISTS = {"short_factor": [1.0, 1.1, 1.3, 1.2, 1.7], "long_factor": [2.0, 3.0, 4.0, 4.5, 5.0]}
OLD: dict[str, tuple[Any, Any, dict[str, Any], dict[str, Any]]] = {  # class, model, what it is made with, what its file says instead of rope_parameters
    "theta": (LlamaConfig, LlamaForCausalLM, WIDE, {"rope_theta": 3e3}),
    "linear": (LlamaConfig, LlamaForCausalLM, WIDE, {"rope_theta": 3e3, "rope_scaling": {"type": "linear", "factor": 4.0}}),
    "dynamic": (LlamaConfig, LlamaForCausalLM, WIDE | {"max_position_embeddings": 5}, {"rope_scaling": {"type": "dynamic", "factor": 2.0}}),
    "llama 3": (
        LlamaConfig,
        LlamaForCausalLM,
        WIDE,
        {
            "rope_theta": 5e2,
            "rope_scaling": {
                "rope_type": "llama3",
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 16,
            },
        },
    ),
    "no factor for yarn's length": (LlamaConfig, LlamaForCausalLM, WIDE, {"rope_scaling": {"rope_type": "yarn", "factor": 3.0}}),
    "mistral": (MistralConfig, MistralForCausalLM, WIDE | {"sliding_window": 4}, {"rope_theta": 1e6}),
    "qwen2": (
        Qwen2Config,
        Qwen2ForCausalLM,
        HEADS | {"use_sliding_window": True, "sliding_window": 3, "max_window_layers": 2},
        {"rope_theta": 1e6, "layer_types": None},
    ),
    "gemma's first name": (GemmaConfig, GemmaForCausalLM, WIDE, {"rope_theta": 1e4, "hidden_act": "gelu", "hidden_activation": None}),
    "gemma2": (Gemma2Config, Gemma2ForCausalLM, WIDE | {"sliding_window": 4}, {"rope_theta": 1e4, "layer_types": None, "cache_implementation": "hybrid"}),
    "gemma3": (
        Gemma3TextConfig,
        Gemma3ForCausalLM,
        WIDE | {"sliding_window": 4, "layer_types": ["sliding_attention", "full_attention"] * 2},
        {
            "rope_theta": 1e5,
            "rope_local_base_freq": 1e3,
            "rope_scaling": {"rope_type": "linear", "factor": 8.0},
            "layer_types": None,
            "sliding_window_pattern": 2,
        },
    ),
    "glm": (GlmConfig, GlmForCausalLM, WIDE, {"rope_theta": 1e4, "partial_rotary_factor": 0.5}),
    "phi3, long": (
        Phi3Config,
        Phi3ForCausalLM,
        HEADS | {"original_max_position_embeddings": 8},
        {"rope_theta": 1e4, "rope_scaling": {"type": "longrope", **LISTS}, "original_max_position_embeddings": 8},
    ),
    "phi3, su": (Phi3Config, Phi3ForCausalLM, HEADS, {"rope_theta": 1e4, "rope_scaling": {"type": "su", **LISTS, "original_max_position_embeddings": 8}}),
}


@pytest.mark.parametrize("name", OLD)
@torch.no_grad()
def test_old_keys(name: str, tmp_path: Path) -> None:
    config, kind, options, old = OLD[name]
    random_model(config(**SIZE | options), kind).save_pretrained(tmp_path)
    said = {k: v for k, v in json.loads((tmp_path / "config.json").read_text()).items() if k not in ("rope_parameters", "dtype")}
    said = {k: v for k, v in (said | old | {"torch_dtype": "float32"}).items() if v is not None}
    (tmp_path / "config.json").write_text(json.dumps(said))
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    ids = torch.randint(1, 37, (2, 11))
    assert_close(from_hf(tmp_path).logits(ids), theirs(ids).logits)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["theta", "mistral", "qwen2", "gemma2", "gemma3", "glm", "phi3, long"])
@torch.no_grad()
def test_defaults_are_those_of_the_class(name: str, tmp_path: Path) -> None:
    """Each key left out in turn: the class fills in its default, and so must we, or say that the key is missing."""
    config, kind, options, _ = OLD[name]
    random_model(config(**SIZE | options), kind).save_pretrained(tmp_path)
    said = json.loads((tmp_path / "config.json").read_text())
    ids = torch.randint(1, 37, (2, 11))
    compared = 0
    for key in said:
        if key in ("model_type", "architectures", "transformers_version"):
            continue
        (tmp_path / "config.json").write_text(json.dumps({k: v for k, v in said.items() if k != key}))
        try:
            theirs = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
            expected = theirs(ids).logits
        except Exception:  # the default has other shapes than the file, or the class wants the key
            continue
        try:
            assert_close(from_hf(tmp_path).logits(ids), expected)
            compared += 1
        except ConversionError as error:
            assert "is missing" in str(error) or "has shape" in str(error), (key, error)
    assert compared > 10
