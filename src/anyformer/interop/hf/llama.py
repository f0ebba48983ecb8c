"""LLaMA 1, 2 and 3 (Touvron et al. 2023; Grattafiori et al. 2024): pre-norm, rotary positions, SwiGLU, grouped queries.

config.json                                   ours
hidden_size, num_hidden_layers, ...           d_model, decoder.n_layers, ...
rope_parameters                               attention.position (see rope.py)
tie_word_embeddings                           head.tied
"""

from __future__ import annotations

from typing import Any

from anyformer.interop.hf.activations import read_activation, write_activation
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.rope import read_rope, write_rope
from anyformer.interop.hf.shape import alike, decoder_only, only
from anyformer.interop.ops import Dropped, Same
from anyformer.interop.rule import Rule, rule
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import GatedMLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import pre_norm


def read(keys: Keys) -> Model.Config:
    d_model, n_heads = keys.take("hidden_size", int), keys.take("num_attention_heads", int)
    bias = keys.take("attention_bias", bool, False)
    norm = RMSNorm.Config(eps=keys.take("rms_norm_eps", float, 1e-6))
    keys.ignore("pretraining_tp")  # the same products in another order
    attention = MultiHeadAttention.Config(
        n_heads=n_heads,
        n_kv_heads=keys.take("num_key_value_heads", int, n_heads),
        head_dim=keys.take("head_dim", int, d_model // n_heads),
        mask=Causal(),
        position=read_rope(keys),
        mechanism=Softmax.Config(dropout=keys.take("attention_dropout", float, 0.0)),
        qkv_bias=bias,
        out_bias=bias,
    )
    feed_forward = GatedMLP.Config(
        d_ff=keys.take("intermediate_size", int),
        activation=read_activation(keys.take("hidden_act", str, "silu")),
        bias=keys.take("mlp_bias", bool, False),
    )
    block = TransformerBlock.Config(attention=attention, feed_forward=feed_forward, residual=pre_norm(norm))
    return Model.Config(
        vocab_size=keys.take("vocab_size", int),
        d_model=d_model,
        embedding=Embedding.Config(),
        decoder=Stack.Config(n_layers=keys.take("num_hidden_layers", int), blocks=(block,), final_norm=norm),
        head=VocabularyHead.Config(tied=keys.take("tie_word_embeddings", bool, False)),
        init=Normal(std=keys.take("initializer_range", float, 0.02)),
    )


def write(config: Model.Config) -> dict[str, Any]:
    stack = decoder_only(config)
    block = only(alike(stack, "decoder"), TransformerBlock.Config, "decoder.blocks.0")
    attention = only(block.attention, MultiHeadAttention.Config, "decoder.blocks.0.attention")
    feed_forward = only(block.feed_forward, GatedMLP.Config, "decoder.blocks.0.feed_forward")
    n_heads, head_dim = attention.heads(config.d_model)
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "num_hidden_layers": stack.n_layers,
        "num_attention_heads": n_heads,
        "num_key_value_heads": attention.n_kv_heads or n_heads,
        "head_dim": head_dim,
        "intermediate_size": feed_forward.d_ff,
        "hidden_act": write_activation(feed_forward.activation),
        "rms_norm_eps": only(block.residual.pre, RMSNorm.Config, "decoder.blocks.0.residual.pre").eps,
        "attention_bias": attention.qkv_bias,
        "attention_dropout": only(attention.mechanism, Softmax.Config, "decoder.blocks.0.attention.mechanism").dropout,
        "mlp_bias": feed_forward.bias,
        "tie_word_embeddings": only(config.head, VocabularyHead.Config, "head").tied,
        **write_rope(attention.position, head_dim, "decoder.blocks.0.attention.position").keys(),
    }


def rules(config: Model.Config) -> list[Rule]:
    theirs, ours = "model.layers.{i}", "decoder.layers.{i}"
    return [
        rule("model.embed_tokens.weight", "embedding.weight"),
        rule(f"{theirs}.input_layernorm.weight", f"{ours}.attention_residual.pre.weight"),
        rule(f"{theirs}.self_attn.q_proj.{{p}}", f"{ours}.attention.query.{{p}}"),
        rule(f"{theirs}.self_attn.k_proj.{{p}}", f"{ours}.attention.key.{{p}}"),
        rule(f"{theirs}.self_attn.v_proj.{{p}}", f"{ours}.attention.value.{{p}}"),
        rule(f"{theirs}.self_attn.o_proj.{{p}}", f"{ours}.attention.out.{{p}}"),
        rule(f"{theirs}.post_attention_layernorm.weight", f"{ours}.feed_forward_residual.pre.weight"),
        rule(f"{theirs}.mlp.gate_proj.{{p}}", f"{ours}.feed_forward.gate.{{p}}"),
        rule(f"{theirs}.mlp.up_proj.{{p}}", f"{ours}.feed_forward.up.{{p}}"),
        rule(f"{theirs}.mlp.down_proj.{{p}}", f"{ours}.feed_forward.down.{{p}}"),
        rule("model.norm.weight", "decoder.final_norm.weight"),
        rule(f"{theirs}.self_attn.rotary_emb.inv_freq", op=Dropped("rotary frequencies are computed")),
        head_rule(config),
    ]


def head_rule(config: Model.Config) -> Rule:
    """The head's table, which is not stored where it is the embedding's."""
    tied = only(config.head, VocabularyHead.Config, "head").tied
    return rule(("lm_head.weight", "model.embed_tokens.weight"), op=Same()) if tied else rule("lm_head.weight", "head.weight")


register(Family("llama", ("LlamaForCausalLM",), read, write, rules))
