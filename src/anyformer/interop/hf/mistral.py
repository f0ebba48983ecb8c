"""Mistral 7B (Jiang et al. 2023): LLaMA with a sliding window in every layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anyformer.interop.hf import decoder, layers
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.llama import rules
from anyformer.interop.hf.rope import read_rope, write_rope
from anyformer.model.model import Model
from anyformer.parts.block import TransformerBlock
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import pre_norm


def read(keys: Keys) -> Model.Config:
    norm = RMSNorm.Config(eps=keys.take("rms_norm_eps", float, 1e-6))
    attention = decoder.read_attention(keys, read_rope(keys, max_length=131072), qkv_bias=False, out_bias=False, n_kv_heads=8)
    attention = replace(attention, mask=layers.windowed(keys.take_or_none("sliding_window", int, 4096)))
    block = TransformerBlock.Config(attention=attention, feed_forward=decoder.read_feed_forward(keys), residual=pre_norm(norm))
    return decoder.read_model(keys, [block] * keys.take("num_hidden_layers", int), norm)


def write(config: Model.Config) -> dict[str, Any]:
    block = decoder.layer(config)
    attention = decoder.attention_of(block)
    return {
        **decoder.write_model(config),
        **decoder.write_feed_forward(block),
        **decoder.write_norm(block.residual.pre),
        **write_rope(attention.position, attention.heads(config.d_model)[1], max_length=131072),
        "sliding_window": layers.one_window(config),
    }


register(Family("mistral", ("MistralForCausalLM",), read, write, rules))
