"""Qwen3-MoE (Yang et al. 2025): Qwen3 with experts in every layer, in some, or in none."""

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
    block = TransformerBlock.Config(attention=attention, feed_forward=decoder.read_feed_forward(keys), residual=pre_norm(norm))
    n_layers = keys.take("num_hidden_layers", int)
    return decoder.read_model(keys, with_experts(keys, [block] * n_layers, n_experts=128, k=8, width=768), norm)


def with_experts(keys: Keys, blocks: list[TransformerBlock.Config], *, n_experts: int, k: int, width: int) -> list[TransformerBlock.Config]:
    """The same blocks, with experts in every step-th layer but those that are named; the numbers are the class's defaults."""
    n_experts = keys.take("num_experts", int, keys.take("num_local_experts", int, n_experts))
    step, without = keys.take("decoder_sparse_step", int, 1), keys.take("mlp_only_layers", tuple[int, ...], ())
    if step < 1:
        raise ConversionError(Problem("decoder_sparse_step", f"is {step}; every so many layers one has experts, so it is at least 1"))
    sparse = [n_experts > 0 and i not in without and (i + 1) % step == 0 for i in range(len(blocks))]
    if not any(sparse):
        keys.ignore("moe_intermediate_size", "num_experts_per_tok", "norm_topk_prob", "router_aux_loss_coef")
        return blocks
    dense = only(blocks[0].feed_forward, GatedMLP.Config, f"{decoder.FIRST}.feed_forward")
    router = TopK.Config(
        k=keys.take("num_experts_per_tok", int, k),
        normalize=keys.take("norm_topk_prob", bool, False),
        balance_loss=keys.take("router_aux_loss_coef", float, 0.001),
    )
    moe = MoE.Config(expert=replace(dense, d_ff=keys.take("moe_intermediate_size", int, width)), n_experts=n_experts, router=router)
    return [replace(block, feed_forward=moe) if has else block for block, has in zip(blocks, sparse, strict=True)]


def write(config: Model.Config) -> dict[str, Any]:
    block = decoder.layer(config)
    attention = decoder.attention_of(block)
    window = layers.one_window(config)
    return {
        **decoder.write_model(config),
        **decoder.write_norm(block.residual.pre),
        **write_rope(attention.position, attention.heads(config.d_model)[1], max_length=32768),
        **write_experts(config),
        "attention_bias": attention.qkv_bias,
        "use_sliding_window": window is not None,
        "sliding_window": window,
    }


def write_experts(config: Model.Config) -> dict[str, Any]:
    """What is said of feed-forward layers: the dense ones, those with experts, and which are which."""
    blocks = decoder.decoder_only(config).layers()
    dense = {i: block.feed_forward for i, block in enumerate(blocks) if not isinstance(block.feed_forward, MoE.Config)}
    found = experts_of(config)
    if found is None:
        return {**decoder.write_feed_forward(decoder.layer(config)), "num_experts": 0}
    moe, expert, router = found
    first = min(dense, default=0)
    return {
        "intermediate_size": only(dense[first], GatedMLP.Config, f"decoder.layers.{first}.feed_forward").d_ff if dense else expert.d_ff,
        "hidden_act": write_activation(expert.activation),
        "moe_intermediate_size": expert.d_ff,
        "num_experts": moe.n_experts,
        "num_experts_per_tok": router.k,
        "norm_topk_prob": router.normalize,
        "router_aux_loss_coef": router.balance_loss,
        "decoder_sparse_step": 1,
        "mlp_only_layers": list(dense),
    }


def experts_of(config: Model.Config) -> tuple[MoE.Config, GatedMLP.Config, TopK.Config] | None:
    """The experts of the first layer that has some, one of them, and its router; None where all layers are dense."""
    for i, block in enumerate(decoder.decoder_only(config).layers()):
        if isinstance(block.feed_forward, MoE.Config):
            path = f"decoder.layers.{i}.feed_forward"
            moe = block.feed_forward
            return moe, only(moe.expert, GatedMLP.Config, f"{path}.expert"), only(moe.router, TopK.Config, f"{path}.router")
    return None


def expert_rules(n_experts: int) -> list[Rule]:
    theirs, ours = f"{decoder_names.THEIRS}.mlp", f"{decoder_names.OURS}.feed_forward"
    return [
        rule(f"{theirs}.gate.weight", f"{ours}.router.weight"),
        *(rule(f"{theirs}.experts.{{e}}.{name}_proj.weight", f"{ours}.experts.{name}.weight", Stacked(n_experts)) for name in ("gate", "up", "down")),
    ]


def rules(config: Model.Config) -> list[Rule]:
    found = experts_of(config)
    return [
        *decoder_names.model_rules(config),
        *decoder_names.attention_rules(),
        *decoder_names.norm_rules(decoder_names.PRE_NORM),
        *decoder_names.feed_forward_rules(),
        *(expert_rules(found[0].n_experts) if found else []),
    ]


register(Family("qwen3_moe", ("Qwen3MoeForCausalLM",), read, write, rules, frozenset({"output_router_logits"})))
