"""Qwen3-MoE (Yang et al. 2025): Qwen3 with experts in every layer, or in some."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anyformer.errors import ConversionError, Problem
from anyformer.interop.hf import decoder, decoder_names, layers
from anyformer.interop.hf.activations import write_activation
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.qwen3 import read_attention
from anyformer.interop.hf.rope import write_rope
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
    norm = RMSNorm.Config(eps=keys.take("rms_norm_eps", float, 1e-6))
    attention = read_attention(keys, norm, n_kv_heads=4, head_dim=None)
    window = keys.take_or_none("sliding_window", int, 4096) if keys.take("use_sliding_window", bool, False) else None
    keys.ignore("sliding_window")
    attention = replace(attention, mask=layers.windowed(window))
    dense = decoder.read_feed_forward(keys)
    sparse = MoE.Config(
        expert=replace(dense, d_ff=keys.take("moe_intermediate_size", int, 768)),
        n_experts=keys.take("num_experts", int, keys.take("num_local_experts", int, 128)),
        router=TopK.Config(
            k=keys.take("num_experts_per_tok", int, 8),
            normalize=keys.take("norm_topk_prob", bool, False),
            balance_loss=keys.take("router_aux_loss_coef", float, 0.001),
        ),
    )
    step, without = keys.take("decoder_sparse_step", int, 1), keys.take("mlp_only_layers", tuple[int, ...], ())
    block = TransformerBlock.Config(attention=attention, feed_forward=dense, residual=pre_norm(norm))
    n_layers = keys.take("num_hidden_layers", int)
    blocks = [block if i in without or (i + 1) % step else replace(block, feed_forward=sparse) for i in range(n_layers)]
    return decoder.read_model(keys, blocks, norm)


def write(config: Model.Config) -> dict[str, Any]:
    block = decoder.layer(config)
    attention = decoder.attention_of(block)
    moe, expert, router = experts_of(config)
    n_layers = decoder.decoder_only(config).n_layers
    dense = [i for i in range(n_layers) if not isinstance(decoder.layer(config, i).feed_forward, MoE.Config)]
    window = layers.one_window(config)
    return {
        **decoder.write_model(config),
        **decoder.write_norm(block.residual.pre),
        **write_rope(attention.position, attention.heads(config.d_model)[1], max_length=32768),
        "attention_bias": attention.qkv_bias,
        "use_sliding_window": window is not None,
        "sliding_window": window,
        "intermediate_size": only(decoder.layer(config, dense[0]).feed_forward, GatedMLP.Config, "feed_forward").d_ff if dense else expert.d_ff,
        "hidden_act": write_activation(expert.activation),
        "moe_intermediate_size": expert.d_ff,
        "num_experts": moe.n_experts,
        "num_experts_per_tok": router.k,
        "norm_topk_prob": router.normalize,
        "router_aux_loss_coef": router.balance_loss,
        "decoder_sparse_step": 1,
        "mlp_only_layers": dense,
    }


def experts_of(config: Model.Config) -> tuple[MoE.Config, GatedMLP.Config, TopK.Config]:
    """The experts of the first layer that has some, one of them, and its router."""
    for i, block in enumerate(decoder.decoder_only(config).layers()):
        if isinstance(block.feed_forward, MoE.Config):
            path = f"decoder.layers.{i}.feed_forward"
            moe = block.feed_forward
            return moe, only(moe.expert, GatedMLP.Config, f"{path}.expert"), only(moe.router, TopK.Config, f"{path}.router")
    raise ConversionError(Problem("decoder.layers", "none has experts (MoE)"))


def expert_rules(n_experts: int) -> list[Rule]:
    theirs, ours = f"{decoder_names.THEIRS}.mlp", f"{decoder_names.OURS}.feed_forward"
    return [
        rule(f"{theirs}.gate.weight", f"{ours}.router.weight"),
        *(rule(f"{theirs}.experts.{{e}}.{name}_proj.weight", f"{ours}.experts.{name}.weight", Stacked(n_experts)) for name in ("gate", "up", "down")),
    ]


def rules(config: Model.Config) -> list[Rule]:
    return [
        *decoder_names.model_rules(config),
        *decoder_names.attention_rules(),
        *decoder_names.norm_rules(decoder_names.PRE_NORM),
        *decoder_names.feed_forward_rules(),
        *expert_rules(experts_of(config)[0].n_experts),
    ]


register(Family("qwen3_moe", ("Qwen3MoeForCausalLM",), read, write, rules, frozenset({"output_router_logits"})))
