"""Qwen2-MoE and Qwen1.5-MoE (Yang et al. 2024): Qwen2 with experts, and a shared one behind a gate, in every layer, in some, or in none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anyformer.errors import ConversionError, Problem
from anyformer.interop.hf import decoder, decoder_names, layers, qwen2, qwen3_moe
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.rope import read_rope, write_rope
from anyformer.interop.hf.shape import only
from anyformer.interop.rule import Rule, rule
from anyformer.model.model import Model
from anyformer.parts.block import TransformerBlock
from anyformer.parts.feed_forward import GatedMLP
from anyformer.parts.mask import Mask
from anyformer.parts.moe import MoE, OutputGate
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import pre_norm


def read(keys: Keys) -> Model.Config:
    norm = RMSNorm.Config(eps=keys.take("rms_norm_eps", float, 1e-6))
    position, bias = read_rope(keys, max_length=32768), keys.take("qkv_bias", bool, True)
    attention = decoder.read_attention(keys, position, qkv_bias=bias, out_bias=False, n_kv_heads=16)
    dense = decoder.read_feed_forward(keys)
    plain = [TransformerBlock.Config(attention=replace(attention, mask=mask), feed_forward=dense, residual=pre_norm(norm)) for mask in _masks(keys)]
    shared = OutputGate.Config(inner=replace(dense, d_ff=keys.take("shared_expert_intermediate_size", int, 5632)))
    blocks = [
        replace(block, feed_forward=replace(block.feed_forward, shared=shared)) if isinstance(block.feed_forward, MoE.Config) else block
        for block in qwen3_moe.with_experts(keys, plain, n_experts=60, k=4, width=1408)
    ]
    return decoder.read_model(keys, blocks, norm)


def _masks(keys: Keys) -> list[Mask]:
    """Of each layer: where nothing says which have a window, every other one has, up to a layer."""
    used, begin_full = keys.take("use_sliding_window", bool, False), keys.take("max_window_layers", int, 28)
    window = keys.take_or_none("sliding_window", int, 4096) if used else None
    keys.ignore("sliding_window")
    n_layers = keys.take("num_hidden_layers", int)
    sliding = layers.read_layer_types(keys, [used and i % 2 == 0 and i < begin_full for i in range(n_layers)])
    if any(sliding) and not window:
        raise ConversionError(Problem("layer_types", "names sliding_attention, and there is no window: use_sliding_window is off or sliding_window empty"))
    return [layers.windowed(window if has else None) for has in sliding]


def write(config: Model.Config) -> dict[str, Any]:
    block = decoder.layer(config)
    attention = decoder.attention_of(block)
    said = {
        **decoder.write_model(config),
        **decoder.write_norm(block.residual.pre),
        **write_rope(attention.position, attention.heads(config.d_model)[1], max_length=32768),
        **qwen3_moe.write_experts(config),
        **qwen2.write_windows(config),
        "qkv_bias": attention.qkv_bias,
    }
    found = qwen3_moe.experts_of(config)
    if found is not None:
        gated = only(found[0].shared, OutputGate.Config, "feed_forward.shared")
        said["shared_expert_intermediate_size"] = only(gated.inner, GatedMLP.Config, "feed_forward.shared.inner").d_ff
    return said


def rules(config: Model.Config) -> list[Rule]:
    theirs, ours = f"{decoder_names.THEIRS}.mlp", f"{decoder_names.OURS}.feed_forward.shared"
    return [
        *qwen3_moe.rules(config),
        *(rule(f"{theirs}.shared_expert.{name}_proj.weight", f"{ours}.inner.{name}.weight") for name in ("gate", "up", "down")),
        rule(f"{theirs}.shared_expert_gate.weight", f"{ours}.gate.weight"),
    ]


register(Family("qwen2_moe", ("Qwen2MoeForCausalLM",), read, write, rules, frozenset({"output_router_logits"})))
