"""DeepSeek-V3 (DeepSeek-AI 2024): latent attention, sigmoid routers with groups and a bias, shared experts, the first layers dense."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anyformer.errors import ConversionError, Problem
from anyformer.interop.hf import decoder, decoder_names
from anyformer.interop.hf.activations import write_activation
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.qwen3_moe import expert_rules
from anyformer.interop.hf.rope import read_rope, write_rope
from anyformer.interop.hf.shape import only
from anyformer.interop.ops import Fused, FusedByHead
from anyformer.interop.rule import Rule, rule
from anyformer.interop.surplus import Dropped
from anyformer.model.model import Model
from anyformer.parts.block import TransformerBlock
from anyformer.parts.feed_forward import GatedMLP
from anyformer.parts.group_top_k import GroupTopK
from anyformer.parts.head import VocabularyHead
from anyformer.parts.latent_attention import LatentAttention
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.moe import MoE
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import pre_norm
from anyformer.parts.rotary import Rotary

LENGTH = 4096
INERT = frozenset({"pretraining_tp", "output_router_logits", "ep_size", "num_nextn_predict_layers", "num_mtp_layers", "aux_loss_alpha", "seq_aux"})


def read(keys: Keys) -> Model.Config:
    norm = RMSNorm.Config(eps=keys.take("rms_norm_eps", float, 1e-6))
    attention = _read_attention(keys)
    dense = decoder.read_feed_forward(keys)
    expert = replace(dense, d_ff=keys.take("moe_intermediate_size", int, 2048))
    keys.expect("scoring_func", "sigmoid")
    keys.expect("topk_method", "noaux_tc")
    keys.expect("moe_layer_freq", 1)
    router = GroupTopK.Config(
        k=keys.take("num_experts_per_tok", int, 8),
        n_groups=keys.take("n_group", int, 8),
        top_groups=keys.take("topk_group", int, 4),
        normalize=keys.take("norm_topk_prob", bool, True),
        scale=keys.take("routed_scaling_factor", float, 2.5),
    )
    n_shared = keys.take("n_shared_experts", int, 1)
    if n_shared < 1:
        raise ConversionError(Problem("n_shared_experts", f"is {n_shared}; their class has at least one, which computes every token"))
    shared = replace(expert, d_ff=expert.d_ff * n_shared)
    sparse = MoE.Config(expert=expert, n_experts=keys.take("n_routed_experts", int, keys.take("num_local_experts", int, 256)), router=router, shared=shared)
    block = TransformerBlock.Config(attention=attention, feed_forward=dense, residual=pre_norm(norm))
    n_layers, n_dense = keys.take("num_hidden_layers", int), keys.take("first_k_dense_replace", int, 3)
    return decoder.read_model(keys, [block if i < n_dense else replace(block, feed_forward=sparse) for i in range(n_layers)], norm)


def _read_attention(keys: Keys) -> LatentAttention.Config:
    n_heads, rope_dim = keys.take("num_attention_heads", int), keys.take("qk_rope_head_dim", int, 64)
    nope_dim = keys.take("qk_nope_head_dim", int, 128)
    keys.expect("num_key_value_heads", n_heads)
    keys.expect("head_dim", rope_dim)
    keys.expect("qk_head_dim", nope_dim + rope_dim)
    return LatentAttention.Config(
        n_heads=n_heads,
        kv_rank=keys.take("kv_lora_rank", int, 512),
        q_rank=keys.take_or_none("q_lora_rank", int, 1536),
        nope_dim=nope_dim,
        rope_dim=rope_dim,
        value_dim=keys.take("v_head_dim", int, 128),
        norm=RMSNorm.Config(eps=1e-6),  # of the latents, whatever rms_norm_eps is
        mask=Causal(),
        position=read_rope(keys, pairing="neighbours" if keys.take("rope_interleave", bool, True) else "halves", max_length=LENGTH),
        mechanism=Softmax.Config(dropout=keys.take("attention_dropout", float, 0.0)),
        bias=keys.take("attention_bias", bool, False),
    )


def write(config: Model.Config) -> dict[str, Any]:
    blocks = [decoder.layer(config, i) for i in range(decoder.decoder_only(config).n_layers)]
    attention = only(blocks[0].attention, LatentAttention.Config, f"{decoder.FIRST}.attention")
    n_dense = next((i for i, block in enumerate(blocks) if isinstance(block.feed_forward, MoE.Config)), len(blocks))
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "num_hidden_layers": len(blocks),
        "tie_word_embeddings": only(config.head, VocabularyHead.Config, "head").tied,
        **decoder.write_norm(blocks[0].residual.pre),
        **write_rope(attention.position, attention.rope_dim, max_length=LENGTH),
        **_write_attention(attention),
        "first_k_dense_replace": n_dense,
        **(_write_experts(blocks[-1]) if n_dense < len(blocks) else {}),
        **(decoder.write_feed_forward(blocks[0]) if n_dense else {}),
    }


def _write_experts(block: TransformerBlock.Config) -> dict[str, Any]:
    moe = only(block.feed_forward, MoE.Config, "feed_forward")
    expert, shared = only(moe.expert, GatedMLP.Config, "feed_forward.expert"), only(moe.shared, GatedMLP.Config, "feed_forward.shared")
    router = only(moe.router, GroupTopK.Config, "feed_forward.router")
    return {
        "intermediate_size": expert.d_ff,  # of dense layers, which may say another
        "hidden_act": write_activation(expert.activation),
        "moe_intermediate_size": expert.d_ff,
        "n_routed_experts": moe.n_experts,
        "n_shared_experts": shared.d_ff // expert.d_ff,
        "num_experts_per_tok": router.k,
        "n_group": router.n_groups,
        "topk_group": router.top_groups,
        "norm_topk_prob": router.normalize,
        "routed_scaling_factor": router.scale,
    }


def _write_attention(attention: LatentAttention.Config) -> dict[str, Any]:
    return {
        "num_attention_heads": attention.n_heads,
        "num_key_value_heads": attention.n_heads,
        "kv_lora_rank": attention.kv_rank,
        "q_lora_rank": attention.q_rank,
        "qk_nope_head_dim": attention.nope_dim,
        "qk_rope_head_dim": attention.rope_dim,
        "v_head_dim": attention.value_dim,
        "rope_interleave": only(attention.position, Rotary.Config, f"{decoder.FIRST}.attention.position").pairing == "neighbours",
        "attention_bias": attention.bias,
        "attention_dropout": only(attention.mechanism, Softmax.Config, f"{decoder.FIRST}.attention.mechanism").dropout,
    }


def rules(config: Model.Config) -> list[Rule]:
    n_layers = decoder.decoder_only(config).n_layers
    attention = only(decoder.layer(config).attention, LatentAttention.Config, f"{decoder.FIRST}.attention")
    last = decoder.layer(config, n_layers - 1).feed_forward
    theirs, ours = f"{decoder_names.THEIRS}.self_attn", f"{decoder_names.OURS}.attention"
    down = (f"{ours}.latent.{{p}}", f"{ours}.turned_key.{{p}}")
    query = "q_proj" if attention.q_rank is None else "q_b_proj"
    return [
        *decoder_names.model_rules(config),
        *decoder_names.norm_rules(decoder_names.PRE_NORM),
        rule(f"{theirs}.{query}.weight", f"{ours}.query.weight"),
        rule(f"{theirs}.q_a_proj.{{p}}", f"{ours}.query_down.{{p}}"),
        rule(f"{theirs}.q_a_layernorm.weight", f"{ours}.query_norm.weight"),
        rule(f"{theirs}.kv_a_proj_with_mqa.{{p}}", down, Fused((attention.kv_rank, attention.rope_dim))),
        rule(f"{theirs}.kv_a_layernorm.weight", f"{ours}.latent_norm.weight"),
        rule(
            f"{theirs}.kv_b_proj.weight",
            (f"{ours}.key.weight", f"{ours}.value.weight"),
            FusedByHead(attention.n_heads, (attention.nope_dim, attention.value_dim)),
        ),
        rule(f"{theirs}.o_proj.{{p}}", f"{ours}.out.{{p}}"),
        *decoder_names.feed_forward_rules(),
        *(expert_rules(last.n_experts) if isinstance(last, MoE.Config) else []),
        rule(f"{decoder_names.THEIRS}.mlp.gate.e_score_correction_bias", f"{decoder_names.OURS}.feed_forward.router.correction"),
        *(
            rule(f"{decoder_names.THEIRS}.mlp.shared_experts.{name}_proj.weight", f"{decoder_names.OURS}.feed_forward.shared.{name}.weight")
            for name in ("gate", "up", "down")
        ),
        rule(f"model.layers.{n_layers}.{{x}}", op=Dropped("the module that predicts a second token, which generation does without")),
    ]


register(Family("deepseek_v3", ("DeepseekV3ForCausalLM",), read, write, rules, INERT))
