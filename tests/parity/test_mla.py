"""Multi-head latent attention against DeepSeek-V3's in `transformers`: both pairings, YaRN with its gains, with and without a latent of the queries."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import DeepseekV3Config
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3Attention, DeepseekV3RotaryEmbedding

from anyformer.parts.latent_attention import LatentAttention
from anyformer.parts.lowering import Facts
from anyformer.parts.mask import Causal
from anyformer.parts.place import Place
from anyformer.parts.rope_by_pair import YaRN
from anyformer.parts.rotary import Rotary

SIZES = {
    "hidden_size": 30,
    "num_attention_heads": 3,
    "num_key_value_heads": 3,
    "kv_lora_rank": 14,
    "qk_nope_head_dim": 6,
    "qk_rope_head_dim": 4,
    "v_head_dim": 5,
}
YARN = {"rope_type": "yarn", "factor": 8.0, "beta_fast": 4.0, "beta_slow": 1.0, "original_max_position_embeddings": 16}
VARIANTS: dict[str, dict[str, Any]] = {
    "neighbours": {"q_lora_rank": 10},
    "halves": {"q_lora_rank": 10, "rope_interleave": False},
    "queries of x": {"q_lora_rank": None},
    "biases": {"q_lora_rank": 7, "attention_bias": True},
    "YaRN": {"q_lora_rank": 10, "rope_parameters": YARN | {"rope_theta": 500.0}},
    "YaRN, one gain": {"q_lora_rank": 10, "rope_parameters": YARN | {"rope_theta": 500.0, "mscale": 1.0, "mscale_all_dim": 1.0}},
    "YaRN, two gains": {"q_lora_rank": 10, "rope_parameters": YARN | {"rope_theta": 500.0, "mscale": 0.6, "mscale_all_dim": 1.3}},
}


def position_of(config: DeepseekV3Config) -> Rotary.Config:
    rope = config.rope_parameters
    scaling = None
    if rope["rope_type"] == "yarn":
        gains = {name: rope.get(name) for name in ("mscale", "mscale_all_dim")}
        scaling = YaRN(factor=rope["factor"], trained_length=16, beta_fast=rope["beta_fast"], beta_slow=rope["beta_slow"], **gains)
    return Rotary.Config(base=rope["rope_theta"], pairing="neighbours" if config.rope_interleave else "halves", scaling=scaling)


def both(fields: dict[str, Any]) -> tuple[DeepseekV3Config, DeepseekV3Attention, LatentAttention]:
    """Their module with random weights, and ours with the same."""
    config = DeepseekV3Config(**SIZES, max_position_embeddings=128, attn_implementation="eager", **fields)
    torch.manual_seed(0)
    theirs = DeepseekV3Attention(config, 0).eval()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            torch.nn.init.normal_(parameter, mean=1.0 if "layernorm" in name else 0.0, std=0.4)
    ours = LatentAttention.Config(
        n_heads=3,
        kv_rank=14,
        nope_dim=6,
        rope_dim=4,
        value_dim=5,
        q_rank=config.q_lora_rank,
        mask=Causal(),
        position=position_of(config),
        bias=config.attention_bias,
    ).build(30)
    stored = dict(theirs.named_parameters())
    up = stored["kv_b_proj.weight"].unflatten(0, (3, 11))
    tensors = {"key.weight": up[:, :6].flatten(0, 1), "value.weight": up[:, 6:].flatten(0, 1), "latent_norm.weight": stored["kv_a_layernorm.weight"]}
    maps = {"out": ("o_proj", slice(None)), "latent": ("kv_a_proj_with_mqa", slice(14)), "turned_key": ("kv_a_proj_with_mqa", slice(14, None))}
    if config.q_lora_rank is None:
        maps["query"] = ("q_proj", slice(None))
    else:
        maps |= {"query_down": ("q_a_proj", slice(None)), "query": ("q_b_proj", slice(None))}
        tensors["query_norm.weight"] = stored["q_a_layernorm.weight"]
    for mine, (name, rows) in maps.items():
        tensors |= {f"{mine}.{kind}": stored[f"{name}.{kind}"][rows] for kind in ("weight", "bias") if f"{name}.{kind}" in stored}
    ours.load_state_dict(tensors)
    return config, theirs, ours


def places(positions: Tensor, segment: Tensor | None = None) -> Place:
    return Place(torch.arange(positions.shape[1]), positions, segment)


@torch.no_grad()
@pytest.mark.parametrize("variant", VARIANTS)
def test_equal_outputs(variant: str) -> None:
    config, theirs, ours = both(VARIANTS[variant])
    x, n = torch.randn(2, 11, 30), 11
    positions = torch.stack([torch.arange(n), (torch.arange(n) - 3).clamp(min=0)])
    segment = torch.tensor([[1] * n, [0] * 3 + [1] * (n - 3)])
    later = torch.ones(n, n, dtype=torch.bool).triu(1)
    hidden = (later | (segment == 0)[:, None, :])[:, None]
    mask = torch.zeros(2, 1, n, n).masked_fill(hidden, torch.finfo(torch.float32).min)
    expected, weights = theirs(x, DeepseekV3RotaryEmbedding(config)(x, positions), mask)
    place = places(positions, segment)
    position = ours.position or position_of(config).build(30, 3, 4)
    plan = ours.lower(position, Facts(place, place, "any", False, torch.float32))
    real = segment != 0
    difference, largest = (ours(x, plan) - expected)[real].abs().max(), expected[real].abs().max()
    assert difference <= 1e-5 * max(1.0, float(largest)), (difference, largest)
    assert (ours.weights(x, plan) - weights).transpose(1, 2)[real].abs().max() < 1e-5
