"""OLMo 2 (OLMo Team 2025): LLaMA with norms only behind each sublayer, and on the queries and keys of all heads together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anyformer.interop.hf import decoder, decoder_names
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.rope import read_rope, write_rope
from anyformer.interop.rule import Rule
from anyformer.model.model import Model
from anyformer.parts.block import TransformerBlock
from anyformer.parts.norm import RMSNorm
from anyformer.parts.qk_norm import FullWidth
from anyformer.parts.residual import Residual

NORMS = {"post_attention_layernorm": "attention_residual.branch", "post_feedforward_layernorm": "feed_forward_residual.branch"}


def read(keys: Keys) -> Model.Config:
    bias = keys.take("attention_bias", bool, False)
    norm = RMSNorm.Config(eps=keys.take("rms_norm_eps", float, 1e-5))
    attention = decoder.read_attention(keys, read_rope(keys), qkv_bias=bias, out_bias=bias)
    block = TransformerBlock.Config(
        attention=replace(attention, qk_norm=FullWidth.Config(norm=norm)),
        feed_forward=decoder.read_feed_forward(keys),
        residual=Residual.Config(branch=norm),
    )
    return decoder.read_model(keys, [block] * keys.take("num_hidden_layers", int), norm)


def write(config: Model.Config) -> dict[str, Any]:
    block = decoder.layer(config)
    attention = decoder.attention_of(block)
    return {
        **decoder.write_model(config),
        **decoder.write_feed_forward(block),
        **decoder.write_norm(block.residual.branch, "residual.branch"),
        **write_rope(attention.position, attention.heads(config.d_model)[1]),
        "attention_bias": attention.qkv_bias,
    }


def rules(config: Model.Config) -> list[Rule]:
    return [*decoder_names.model_rules(config), *decoder_names.attention_rules(), *decoder_names.feed_forward_rules(), *decoder_names.norm_rules(NORMS)]


register(Family("olmo2", ("Olmo2ForCausalLM",), read, write, rules))
