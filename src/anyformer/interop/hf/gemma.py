"""Gemma (Gemma Team 2024): LLaMA with GEGLU, wide heads, embeddings times sqrt(d_model), tied, and norm weights stored minus one."""

from __future__ import annotations

from typing import Any

from anyformer.interop.hf import decoder
from anyformer.interop.hf.activations import read_activation, write_activation
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.llama import rules
from anyformer.interop.hf.rope import read_rope, write_rope
from anyformer.interop.hf.shape import only
from anyformer.model.model import Model
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import GatedMLP
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import pre_norm

TANH = "gelu_pytorch_tanh"


def read(keys: Keys) -> Model.Config:
    bias = keys.take("attention_bias", bool, False)
    norm = RMSNorm.Config(eps=keys.take("rms_norm_eps", float, 1e-6), plus_one=True)
    named = keys.take("hidden_act", str, TANH)
    keys.expect("hidden_activation", TANH, named)
    keys.expect("use_bidirectional_attention", False)
    position = read_rope(keys, max_length=8192)
    block = TransformerBlock.Config(
        attention=decoder.read_attention(keys, position, qkv_bias=bias, out_bias=bias, n_kv_heads=16, head_dim=256),
        feed_forward=GatedMLP.Config(
            d_ff=keys.take("intermediate_size", int),
            activation=read_activation(TANH if named == "gelu" else named),  # "gelu" in the first files means the approximation
        ),
        residual=pre_norm(norm),
    )
    blocks = [block] * keys.take("num_hidden_layers", int)
    return decoder.read_model(keys, blocks, norm, tied=True, embedding=Embedding.Config(scale_by_sqrt_dim=True))


def write(config: Model.Config) -> dict[str, Any]:
    block = decoder.layer(config)
    attention = decoder.attention_of(block)
    feed_forward = only(block.feed_forward, GatedMLP.Config, "decoder.layers.0.feed_forward")
    return {
        **decoder.write_model(config),
        **decoder.write_norm(block.residual.pre),
        **write_rope(attention.position, attention.heads(config.d_model)[1], max_length=8192),
        "intermediate_size": feed_forward.d_ff,
        "hidden_act": write_activation(feed_forward.activation, TANH),
        "attention_bias": attention.qkv_bias,
    }


register(Family("gemma", ("GemmaForCausalLM",), read, write, rules))
