"""Gemma 2 (Gemma Team 2024): Gemma with norms on both sides of each sublayer, capped scores and logits, and a window in every other layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anyformer.interop.hf import decoder, decoder_names, layers
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.gemma import TANH
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.rope import read_rope, write_rope
from anyformer.interop.hf.shape import only
from anyformer.interop.rule import Rule
from anyformer.model.model import Model
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.head import VocabularyHead
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import sandwich_norm
from anyformer.parts.rotary import Rotary

NORMS = {
    "input_layernorm": "attention_residual.pre",
    "post_attention_layernorm": "attention_residual.branch",
    "pre_feedforward_layernorm": "feed_forward_residual.pre",
    "post_feedforward_layernorm": "feed_forward_residual.branch",
}


def read_attention(keys: Keys, position: Rotary.Config) -> MultiHeadAttention.Config:
    bias = keys.take("attention_bias", bool, False)
    keys.expect("use_bidirectional_attention", False)
    attention = decoder.read_attention(keys, position, qkv_bias=bias, out_bias=bias, n_kv_heads=4, head_dim=256)
    return replace(attention, scale=keys.take("query_pre_attn_scalar", float, 256.0) ** -0.5)


def read(keys: Keys) -> Model.Config:
    norm = RMSNorm.Config(eps=keys.take("rms_norm_eps", float, 1e-6), plus_one=True)
    attention = read_attention(keys, read_rope(keys, max_length=8192))
    capped = Softmax.Config(dropout=keys.take("attention_dropout", float, 0.0), cap=keys.take_or_none("attn_logit_softcapping", float, 50.0))
    feed_forward = decoder.read_feed_forward(keys, activation="hidden_activation", default=TANH)
    window = keys.take_or_none("sliding_window", int, 4096)
    sliding = layers.read_layer_types(keys, [i % 2 == 0 for i in range(keys.take("num_hidden_layers", int))])
    blocks = [
        TransformerBlock.Config(
            attention=replace(attention, mechanism=capped, mask=layers.windowed(window if has else None)),
            feed_forward=feed_forward,
            residual=sandwich_norm(norm),
        )
        for has in sliding
    ]
    keys.expect("hidden_act", TANH)  # not read by the class; files have it beside hidden_activation
    softcap = keys.take_or_none("final_logit_softcapping", float, 30.0)
    return decoder.read_model(keys, blocks, norm, tied=True, embedding=Embedding.Config(scale_by_sqrt_dim=True), softcap=softcap)


def write_layers(config: Model.Config) -> dict[str, Any]:
    """What Gemma 2 and 3 write but for the positions."""
    block = decoder.layer(config)
    attention = decoder.attention_of(block)
    scale = attention.heads(config.d_model)[1] ** -0.5 if attention.scale is None else attention.scale
    return {
        **decoder.write_model(config),
        **decoder.write_feed_forward(block, activation="hidden_activation", prefer=TANH),
        **decoder.write_norm(block.residual.pre),
        "attention_bias": attention.qkv_bias,
        "query_pre_attn_scalar": round(scale**-2),
        "sliding_window": layers.one_window(config) or 4096,  # the class wants one, even where no layer has a window
        "layer_types": layers.write_layer_types(config),
        "final_logit_softcapping": only(config.head, VocabularyHead.Config, "head").softcap,
    }


def write(config: Model.Config) -> dict[str, Any]:
    attention = decoder.attention_of(decoder.layer(config))
    return {
        **write_layers(config),
        **write_rope(attention.position, attention.heads(config.d_model)[1], max_length=8192),
        "attn_logit_softcapping": only(attention.mechanism, Softmax.Config, "decoder.layers.0.attention.mechanism").cap,
    }


def rules(config: Model.Config) -> list[Rule]:
    return [*decoder_names.model_rules(config), *decoder_names.attention_rules(), *decoder_names.feed_forward_rules(), *decoder_names.norm_rules(NORMS)]


register(Family("gemma2", ("Gemma2ForCausalLM",), read, write, rules, frozenset({"cache_implementation"})))
