"""GLM-4-9B (GLM Team 2024): LLaMA with half of each head turned in neighbouring pairs, biases on queries, keys and values, gate and up in one tensor."""

from __future__ import annotations

from typing import Any

from anyformer.interop.hf import decoder, decoder_names
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.rope import read_rope, write_rope
from anyformer.interop.hf.shape import only
from anyformer.interop.ops import Fused
from anyformer.interop.rule import Rule, rule
from anyformer.model.model import Model
from anyformer.parts.block import TransformerBlock
from anyformer.parts.feed_forward import GatedMLP
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import Residual, pre_norm, sandwich_norm

LENGTH = 131072


def read_with(keys: Keys, sandwich: bool) -> Model.Config:
    norm = RMSNorm.Config(eps=keys.take("rms_norm_eps", float, 1.5625e-07))
    position = read_rope(keys, fraction=0.5, pairing="neighbours", max_length=LENGTH)
    bias = keys.take("attention_bias", bool, True)
    residual: Residual.Config = sandwich_norm(norm) if sandwich else pre_norm(norm)
    block = TransformerBlock.Config(
        attention=decoder.read_attention(keys, position, qkv_bias=bias, out_bias=False, n_kv_heads=2, head_dim=128),
        feed_forward=decoder.read_feed_forward(keys),
        residual=residual,
    )
    return decoder.read_model(keys, [block] * keys.take("num_hidden_layers", int), norm)


def read(keys: Keys) -> Model.Config:
    return read_with(keys, sandwich=False)


def write(config: Model.Config) -> dict[str, Any]:
    block = decoder.layer(config)
    attention = decoder.attention_of(block)
    return {
        **decoder.write_model(config),
        **decoder.write_feed_forward(block),
        **decoder.write_norm(block.residual.pre),
        **write_rope(attention.position, attention.heads(config.d_model)[1], partial=True, max_length=LENGTH),
        "attention_bias": attention.qkv_bias,
    }


def gate_up_rules(config: Model.Config) -> list[Rule]:
    """Gate and up in one tensor, the gate first."""
    width = only(decoder.layer(config).feed_forward, GatedMLP.Config, "decoder.layers.0.feed_forward").d_ff
    ours = f"{decoder_names.OURS}.feed_forward"
    return [
        rule(f"{decoder_names.THEIRS}.mlp.gate_up_proj.weight", (f"{ours}.gate.weight", f"{ours}.up.weight"), Fused((width, width))),
        rule(f"{decoder_names.THEIRS}.mlp.down_proj.weight", f"{ours}.down.weight"),
    ]


def rules(config: Model.Config) -> list[Rule]:
    return [*decoder_names.model_rules(config), *decoder_names.attention_rules(), *gate_up_rules(config), *decoder_names.norm_rules(decoder_names.PRE_NORM)]


register(Family("glm", ("GlmForCausalLM",), read, write, rules))
