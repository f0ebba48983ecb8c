"""Qwen2 and Qwen2.5 (Yang et al. 2024): LLaMA with biases on queries, keys and values, and a sliding window from some layer on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anyformer.interop.hf import decoder, layers
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.llama import rules
from anyformer.interop.hf.rope import read_rope, write_rope
from anyformer.model.model import Model
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import Block, TransformerBlock
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import pre_norm


def read(keys: Keys) -> Model.Config:
    norm = RMSNorm.Config(eps=keys.take("rms_norm_eps", float, 1e-6))
    attention = decoder.read_attention(keys, read_rope(keys, max_length=32768), qkv_bias=True, out_bias=False, n_kv_heads=32)
    block = TransformerBlock.Config(attention=attention, feed_forward=decoder.read_feed_forward(keys), residual=pre_norm(norm))
    return decoder.read_model(keys, in_layers(keys, block), norm)


def in_layers(keys: Keys, block: TransformerBlock.Config) -> list[Block.Config]:
    """The block in every layer, with the window that the layer has."""
    n_layers = keys.take("num_hidden_layers", int)
    window = keys.take_or_none("sliding_window", int, 4096)
    if not keys.take("use_sliding_window", bool, False):
        window = None
    begin = keys.take("max_window_layers", int, 28)
    sliding = layers.read_layer_types(keys, [window is not None and i >= begin for i in range(n_layers)])
    masks = [layers.windowed(window if has else None) for has in sliding]
    return [replace(block, attention=replace(_attention(block), mask=mask)) for mask in masks]


def _attention(block: TransformerBlock.Config) -> MultiHeadAttention.Config:
    assert isinstance(block.attention, MultiHeadAttention.Config)
    return block.attention


def write(config: Model.Config) -> dict[str, Any]:
    block = decoder.layer(config)
    attention = decoder.attention_of(block)
    return {
        **decoder.write_model(config),
        **decoder.write_feed_forward(block),
        **decoder.write_norm(block.residual.pre),
        **write_rope(attention.position, attention.heads(config.d_model)[1], max_length=32768),
        **write_windows(config),
    }


def write_windows(config: Model.Config) -> dict[str, Any]:
    window = layers.one_window(config)
    return {"use_sliding_window": window is not None, "sliding_window": window, "layer_types": layers.write_layer_types(config)}


register(Family("qwen2", ("Qwen2ForCausalLM",), read, write, rules))
