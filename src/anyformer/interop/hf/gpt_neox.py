"""GPT-NeoX and Pythia (Black et al. 2022): two norms for two sublayers beside each other, rotary positions on a share of each head."""

from __future__ import annotations

from typing import Any

from anyformer.interop.hf import classic
from anyformer.interop.hf.activations import read_activation
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.rope import read_rope, write_rope
from anyformer.interop.hf.shape import decoder_only
from anyformer.interop.ops import FusedByGroup
from anyformer.interop.rule import Rule
from anyformer.model.model import Model
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import Block, ParallelBlock, TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.residual import pre_norm


def read(keys: Keys) -> Model.Config:
    d_model, norm = keys.take("hidden_size", int), LayerNorm.Config(eps=keys.take("layer_norm_eps", float, 1e-5))
    bias = keys.take("attention_bias", bool, True)
    keys.expect("is_decoder", False, True)
    attention = MultiHeadAttention.Config(
        n_heads=keys.take("num_attention_heads", int),
        mask=Causal(),
        position=read_rope(keys, fraction=keys.take("rotary_pct", float, 0.25), theta_key="rotary_emb_base"),
        mechanism=Softmax.Config(dropout=keys.take("attention_dropout", float, 0.0)),
        qkv_bias=bias,
        out_bias=bias,
    )
    activation = read_activation(keys.take("hidden_act", str, "gelu"))
    feed_forward = MLP.Config(d_ff=keys.take("intermediate_size", int), activation=activation)
    dropout = keys.take("hidden_dropout", float, 0.0)
    if keys.take("use_parallel_residual", bool, True):
        block: Block.Config = ParallelBlock.Config(attention=attention, feed_forward=feed_forward, norm=norm, feed_forward_norm=norm, dropout=dropout)
    else:
        block = TransformerBlock.Config(attention=attention, feed_forward=feed_forward, residual=pre_norm(norm, dropout=dropout))
    return classic.model(keys, d_model, [block] * keys.take("num_hidden_layers", int), norm, Embedding.Config(dropout=dropout), classic.tied(keys, False))


def write(config: Model.Config) -> dict[str, Any]:
    block, attention, feed_forward = classic.first(config)
    parallel = isinstance(block, ParallelBlock.Config)
    norm = classic.layer_norm(block.norm, "norm") if parallel else classic.layer_norm(block.residual.pre, "residual.pre")
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "num_hidden_layers": decoder_only(config).n_layers,
        "num_attention_heads": attention.n_heads,
        "intermediate_size": feed_forward.d_ff,
        "hidden_act": classic.activation_of(feed_forward, "gelu"),
        "layer_norm_eps": norm.eps,
        "attention_bias": attention.qkv_bias,
        "use_parallel_residual": parallel,
        "attention_dropout": classic.dropout_of(attention),
        "hidden_dropout": config.embedding.dropout,
        "tie_word_embeddings": classic.is_tied(config),
        **write_rope(attention.position, attention.heads(config.d_model)[1], partial=True),
    }


def rules(config: Model.Config) -> list[Rule]:
    layer = "gpt_neox.layers.{i}"
    block, attention, _ = classic.first(config)
    n_heads, head_dim = attention.heads(config.d_model)
    norms = ("norm", "feed_forward_norm") if isinstance(block, ParallelBlock.Config) else ("attention_residual.pre", "feed_forward_residual.pre")
    names = {
        "attention.dense": "attention.out",
        "mlp.dense_h_to_4h": "feed_forward.up",
        "mlp.dense_4h_to_h": "feed_forward.down",
        "input_layernorm": norms[0],
        "post_attention_layernorm": norms[1],
    }
    return [
        *classic.outside("gpt_neox.embed_in.weight", "embed_out", config, "gpt_neox.final_layer_norm"),
        classic.joined(f"{layer}.attention.query_key_value", FusedByGroup(n_heads, n_heads, head_dim)),
        *classic.layer_rules(layer, names),
        *classic.computed(f"{layer}.attention.bias", f"{layer}.attention.masked_bias", f"{layer}.attention.rotary_emb.inv_freq"),
    ]


register(Family("gpt_neox", ("GPTNeoXForCausalLM",), read, write, rules, prefix="gpt_neox"))
