"""LLaMA 1, 2 and 3 (Touvron et al. 2023; Grattafiori et al. 2024): pre-norm, rotary positions, SwiGLU, grouped queries."""

from __future__ import annotations

from typing import Any

from anyformer.interop.hf import decoder, decoder_names
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.rope import read_rope, write_rope
from anyformer.interop.hf.shape import only
from anyformer.interop.rule import Rule
from anyformer.model.model import Model
from anyformer.parts.block import TransformerBlock
from anyformer.parts.feed_forward import GatedMLP
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import pre_norm


def read(keys: Keys) -> Model.Config:
    bias = keys.take("attention_bias", bool, False)
    norm = RMSNorm.Config(eps=keys.take("rms_norm_eps", float, 1e-6))
    block = TransformerBlock.Config(
        attention=decoder.read_attention(keys, read_rope(keys), qkv_bias=bias, out_bias=bias),
        feed_forward=decoder.read_feed_forward(keys, bias=keys.take("mlp_bias", bool, False)),
        residual=pre_norm(norm),
    )
    return decoder.read_model(keys, [block] * keys.take("num_hidden_layers", int), norm)


def write(config: Model.Config) -> dict[str, Any]:
    block = decoder.layer(config)
    attention = decoder.attention_of(block)
    return {
        **decoder.write_model(config),
        **decoder.write_feed_forward(block),
        **decoder.write_norm(block.residual.pre),
        **write_rope(attention.position, attention.heads(config.d_model)[1]),
        "attention_bias": attention.qkv_bias,
        "mlp_bias": only(block.feed_forward, GatedMLP.Config, "decoder.layers.0.feed_forward").bias,
    }


def rules(config: Model.Config) -> list[Rule]:
    return [
        *decoder_names.model_rules(config),
        *decoder_names.attention_rules(),
        *decoder_names.feed_forward_rules(),
        *decoder_names.norm_rules(decoder_names.PRE_NORM),
    ]


INERT = frozenset({"pretraining_tp"})  # the same products in another order

register(Family("llama", ("LlamaForCausalLM",), read, write, rules, INERT))
