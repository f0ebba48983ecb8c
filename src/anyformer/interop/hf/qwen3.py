"""Qwen3 (Yang et al. 2025): Qwen2 without biases, with norms on the queries and keys of each head."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anyformer.interop.hf import decoder, qwen2
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.llama import rules
from anyformer.interop.hf.rope import read_rope
from anyformer.model.model import Model
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.norm import RMSNorm
from anyformer.parts.qk_norm import PerHead
from anyformer.parts.residual import pre_norm


def read_attention(keys: Keys, norm: RMSNorm.Config, *, n_kv_heads: int, head_dim: int | None) -> MultiHeadAttention.Config:
    bias = keys.take("attention_bias", bool, False)
    position = read_rope(keys, max_length=32768)
    attention = decoder.read_attention(keys, position, qkv_bias=bias, out_bias=bias, n_kv_heads=n_kv_heads, head_dim=head_dim)
    return replace(attention, qk_norm=PerHead.Config(norm=norm))


def read(keys: Keys) -> Model.Config:
    norm = RMSNorm.Config(eps=keys.take("rms_norm_eps", float, 1e-6))
    attention = read_attention(keys, norm, n_kv_heads=32, head_dim=128)
    block = TransformerBlock.Config(attention=attention, feed_forward=decoder.read_feed_forward(keys), residual=pre_norm(norm))
    return decoder.read_model(keys, qwen2.in_layers(keys, block), norm)


def write(config: Model.Config) -> dict[str, Any]:
    return {**qwen2.write(config), "attention_bias": decoder.attention_of(decoder.layer(config)).qkv_bias}


register(Family("qwen3", ("Qwen3ForCausalLM",), read, write, rules))
