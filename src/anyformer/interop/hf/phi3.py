"""Phi-3 (Abdin et al. 2024): LLaMA with q, k, v in one tensor, gate and up in another, and LongRoPE for long texts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anyformer.errors import ConversionError, Problem
from anyformer.interop.hf import decoder, decoder_names, layers
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.glm import gate_up_rules
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.rope import read_rope, write_rope
from anyformer.interop.ops import Fused
from anyformer.interop.rule import Rule, rule
from anyformer.model.model import Model
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import pre_norm
from anyformer.parts.rope_by_pair import LongRoPE
from anyformer.parts.rotary import Rotary

LENGTH = 4096


def read(keys: Keys) -> Model.Config:
    norm = RMSNorm.Config(eps=keys.take("rms_norm_eps", float, 1e-5))
    attention = decoder.read_attention(keys, _position(keys), qkv_bias=False, out_bias=False)
    attention = replace(attention, mask=layers.windowed(keys.take("sliding_window", int, None)))
    residual = pre_norm(norm, dropout=keys.take("resid_pdrop", float, 0.0))
    block = TransformerBlock.Config(attention=attention, feed_forward=decoder.read_feed_forward(keys), residual=residual)
    embedding = Embedding.Config(dropout=keys.take("embd_pdrop", float, 0.0))
    return decoder.read_model(keys, [block] * keys.take("num_hidden_layers", int), norm, embedding=embedding)


def _position(keys: Keys) -> Rotary.Config:
    trained = keys.take("original_max_position_embeddings", int, LENGTH)
    position = read_rope(keys, fraction=1.0, max_length=LENGTH)
    if isinstance(position.scaling, LongRoPE):
        return replace(position, scaling=replace(position.scaling, trained_length=trained))
    if position.scaling is not None:
        raise ConversionError(Problem("rope_parameters.rope_type", f"is {position.scaling.kind()}; phi3 has none, or longrope"))
    return position


def write(config: Model.Config) -> dict[str, Any]:
    block = decoder.layer(config)
    attention = decoder.attention_of(block)
    rope = write_rope(attention.position, attention.heads(config.d_model)[1], partial=True, max_length=LENGTH)
    return {
        **decoder.write_model(config),
        **decoder.write_feed_forward(block),
        **decoder.write_norm(block.residual.pre),
        **rope,
        "original_max_position_embeddings": rope["rope_parameters"].get("original_max_position_embeddings", LENGTH),
        "sliding_window": layers.one_window(config),
        "resid_pdrop": block.residual.dropout,
        "embd_pdrop": config.embedding.dropout,
    }


def rules(config: Model.Config) -> list[Rule]:
    attention = decoder.attention_of(decoder.layer(config))
    n_heads, head_dim = attention.heads(config.d_model)
    sizes = tuple(heads * head_dim for heads in (n_heads, attention.n_kv_heads or n_heads, attention.n_kv_heads or n_heads))
    ours = tuple(f"{decoder_names.OURS}.attention.{name}.weight" for name in ("query", "key", "value"))
    return [
        *decoder_names.model_rules(config),
        rule(f"{decoder_names.THEIRS}.self_attn.qkv_proj.weight", ours, Fused(sizes)),
        rule(f"{decoder_names.THEIRS}.self_attn.o_proj.weight", f"{decoder_names.OURS}.attention.out.weight"),
        *gate_up_rules(config),
        *decoder_names.norm_rules(decoder_names.PRE_NORM),
    ]


register(Family("phi3", ("Phi3ForCausalLM",), read, write, rules))
