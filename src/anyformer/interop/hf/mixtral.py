"""Mixtral (Jiang et al. 2024): Mistral with two of several experts a token, weights divided by their sum."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anyformer.interop.hf import decoder, decoder_names, layers
from anyformer.interop.hf.activations import write_activation
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.rope import read_rope, write_rope
from anyformer.interop.hf.shape import only
from anyformer.interop.ops import Stacked
from anyformer.interop.rule import Rule, rule
from anyformer.model.model import Model
from anyformer.parts.block import TransformerBlock
from anyformer.parts.feed_forward import GatedMLP
from anyformer.parts.moe import MoE
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import pre_norm
from anyformer.parts.token_choice import TopK


def read(keys: Keys) -> Model.Config:
    norm = RMSNorm.Config(eps=keys.take("rms_norm_eps", float, 1e-5))
    attention = decoder.read_attention(keys, read_rope(keys, theta=1e6, max_length=131072), qkv_bias=False, out_bias=False, n_kv_heads=8)
    attention = replace(attention, mask=layers.windowed(keys.take("sliding_window", int, None)))
    experts = MoE.Config(
        expert=decoder.read_feed_forward(keys),
        n_experts=keys.take("num_local_experts", int, keys.take("num_experts", int, 8)),
        router=TopK.Config(k=keys.take("num_experts_per_tok", int, 2), balance_loss=keys.take("router_aux_loss_coef", float, 0.001)),
    )
    block = TransformerBlock.Config(attention=attention, feed_forward=experts, residual=pre_norm(norm))
    return decoder.read_model(keys, [block] * keys.take("num_hidden_layers", int), norm)


def write(config: Model.Config) -> dict[str, Any]:
    block = decoder.layer(config)
    attention = decoder.attention_of(block)
    moe, expert, router = experts_of(block)
    return {
        **decoder.write_model(config),
        **decoder.write_norm(block.residual.pre),
        **write_rope(attention.position, attention.heads(config.d_model)[1], max_length=131072),
        "sliding_window": layers.one_window(config),
        "intermediate_size": expert.d_ff,
        "hidden_act": write_activation(expert.activation),
        "num_local_experts": moe.n_experts,
        "num_experts_per_tok": router.k,
        "router_aux_loss_coef": router.balance_loss,
    }


def experts_of(block: TransformerBlock.Config) -> tuple[MoE.Config, GatedMLP.Config, TopK.Config]:
    """A layer's experts, one of them, and its router."""
    path = f"{decoder.FIRST}.feed_forward"
    moe = only(block.feed_forward, MoE.Config, path)
    return moe, only(moe.expert, GatedMLP.Config, f"{path}.expert"), only(moe.router, TopK.Config, f"{path}.router")


def rules(config: Model.Config) -> list[Rule]:
    theirs, ours = f"{decoder_names.THEIRS}.block_sparse_moe", f"{decoder_names.OURS}.feed_forward"
    op = Stacked(experts_of(decoder.layer(config))[0].n_experts)
    return [
        *decoder_names.model_rules(config),
        *decoder_names.attention_rules(),
        *decoder_names.norm_rules(decoder_names.PRE_NORM),
        rule(f"{theirs}.gate.weight", f"{ours}.router.weight"),
        *(rule(f"{theirs}.experts.{{e}}.{name}.weight", f"{ours}.experts.{map_}.weight", op) for name, map_ in (("w1", "gate"), ("w3", "up"), ("w2", "down"))),
    ]


INERT = frozenset({"output_router_logits", "router_jitter_noise"})  # a further output; noise in training

register(Family("mixtral", ("MixtralForCausalLM",), read, write, rules, INERT))
