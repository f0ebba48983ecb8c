"""Falcon (Almazrouei et al. 2023): one or two norms before attention and feed-forward beside each other, few key heads; the RW models have ALiBi.

transformers rounds ALiBi's slopes and products to bfloat16. The formula is kept exact here, so logits of RW models differ by that rounding.
"""

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
from anyformer.parts.alibi import ALiBi
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import Block, ParallelBlock, TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.residual import pre_norm


def read(keys: Keys) -> Model.Config:
    d_model = keys.take("n_embed", int, None) or keys.take("hidden_size", int)
    keys.ignore("hidden_size")
    n_heads = keys.take("num_attention_heads", int)
    norm = LayerNorm.Config(eps=keys.take("layer_norm_epsilon", float, 1e-5))
    bias, alibi = keys.take("bias", bool, False), keys.take("alibi", bool, False)
    new, parallel = keys.take("new_decoder_architecture", bool, False), keys.take("parallel_attn", bool, True)
    several, one = keys.take_or_none("num_kv_heads", int, None) or n_heads, keys.take("multi_query", bool, True)
    n_kv_heads = several if new else 1 if one else n_heads
    if alibi:
        keys.ignore("rope_parameters", "rope_theta", "rope_scaling", "max_position_embeddings")
    attention = MultiHeadAttention.Config(
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        mask=Causal(),
        position=ALiBi.Config(scaled=True) if alibi else read_rope(keys),
        mechanism=Softmax.Config(dropout=keys.take("attention_dropout", float, 0.0)),
        qkv_bias=bias,
        out_bias=bias,
    )
    activation = read_activation(keys.take("activation", str, "gelu"), "activation")
    feed_forward = MLP.Config(d_ff=keys.take_or_none("ffn_hidden_size", int, None) or 4 * d_model, activation=activation, bias=bias)
    two = new and keys.take_or_none("num_ln_in_parallel_attn", int, None) in (None, 2)
    keys.ignore("num_ln_in_parallel_attn")
    dropout = keys.take("hidden_dropout", float, 0.0)
    if parallel or new:
        second = norm if two else None
        block: Block.Config = ParallelBlock.Config(attention=attention, feed_forward=feed_forward, norm=norm, feed_forward_norm=second, dropout=dropout)
    else:
        block = TransformerBlock.Config(attention=attention, feed_forward=feed_forward, residual=pre_norm(norm, dropout=dropout))
    return classic.model(
        keys, d_model, [block] * keys.take("num_hidden_layers", int), norm, Embedding.Config(padding="skipped" if alibi else "counted"), classic.tied(keys)
    )


def write(config: Model.Config) -> dict[str, Any]:
    block, attention, feed_forward = classic.first(config)
    parallel = isinstance(block, ParallelBlock.Config)
    norm = classic.layer_norm(block.norm, "norm") if parallel else classic.layer_norm(block.residual.pre, "residual.pre")
    n_kv_heads = attention.n_kv_heads or attention.n_heads
    two = parallel and block.feed_forward_norm is not None
    new = two or n_kv_heads not in (1, attention.n_heads)
    alibi = isinstance(attention.position, ALiBi.Config)
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "num_hidden_layers": decoder_only(config).n_layers,
        "num_attention_heads": attention.n_heads,
        "num_kv_heads": n_kv_heads,
        "ffn_hidden_size": feed_forward.d_ff,
        "activation": classic.activation_of(feed_forward, "gelu"),
        "layer_norm_epsilon": norm.eps,
        "bias": attention.qkv_bias,
        "alibi": alibi,
        "multi_query": n_kv_heads == 1,
        "parallel_attn": parallel,
        "new_decoder_architecture": new,
        "num_ln_in_parallel_attn": (2 if two else 1) if new else None,
        "attention_dropout": classic.dropout_of(attention),
        "hidden_dropout": block.dropout if parallel else block.residual.dropout,
        "tie_word_embeddings": classic.is_tied(config),
        **({} if alibi else write_rope(attention.position, attention.heads(config.d_model)[1])),
    }


def rules(config: Model.Config) -> list[Rule]:
    layer = "transformer.h.{i}"
    block, attention, _ = classic.first(config)
    n_heads, head_dim = attention.heads(config.d_model)
    if isinstance(block, TransformerBlock.Config):
        norms = {"input_layernorm": "attention_residual.pre", "post_attention_layernorm": "feed_forward_residual.pre"}
    elif block.feed_forward_norm is None:
        norms = {"input_layernorm": "norm"}
    else:
        norms = {"ln_attn": "norm", "ln_mlp": "feed_forward_norm"}
    names = {"self_attention.dense": "attention.out", "mlp.dense_h_to_4h": "feed_forward.up", "mlp.dense_4h_to_h": "feed_forward.down", **norms}
    return [
        *classic.outside("transformer.word_embeddings.weight", "lm_head", config, "transformer.ln_f"),
        classic.joined(f"{layer}.self_attention.query_key_value", FusedByGroup(n_heads, attention.n_kv_heads or n_heads, head_dim)),
        *classic.layer_rules(layer, names),
        *classic.computed(f"{layer}.self_attention.rotary_emb.inv_freq"),
    ]


register(Family("falcon", ("FalconForCausalLM",), read, write, rules, prefix="transformer"))
