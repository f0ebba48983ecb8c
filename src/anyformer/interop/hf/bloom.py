"""BLOOM (BigScience 2022): ALiBi, a norm on the embedding, one map for query, key and value, head by head."""

from __future__ import annotations

from typing import Any

from anyformer.interop.hf import classic
from anyformer.interop.hf.decoder import FIRST
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.shape import decoder_only, only
from anyformer.interop.ops import FusedByGroup
from anyformer.interop.rule import Rule, rule
from anyformer.model.model import Model
from anyformer.parts.activation import GELU
from anyformer.parts.alibi import ALiBi
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.residual import Residual


def read(keys: Keys) -> Model.Config:
    d_model = keys.take("n_embed", int, None) or keys.take("hidden_size", int, 64)
    keys.ignore("hidden_size")
    norm = LayerNorm.Config(eps=keys.take("layer_norm_epsilon", float, 1e-5))
    attention = MultiHeadAttention.Config(
        n_heads=keys.take("n_head", int, keys.take("num_attention_heads", int, 8)),
        mask=Causal(),
        position=ALiBi.Config(),
        mechanism=Softmax.Config(dropout=keys.take("attention_dropout", float, 0.0)),
    )
    if keys.take("pretraining_tp", int, 1) > 1:
        keys.expect("slow_but_exact", False)  # with it, transformers leaves out the biases of the maps that write the stream
    normed = keys.take("apply_residual_connection_post_layernorm", bool, False)
    block = TransformerBlock.Config(
        attention=attention,
        feed_forward=MLP.Config(d_ff=4 * d_model, activation=GELU(tanh=True)),
        residual=Residual.Config(pre=norm, carry="normed" if normed else "stream", dropout=keys.take("hidden_dropout", float, 0.0)),
    )
    n_layers = keys.take("n_layer", int, keys.take("num_hidden_layers", int, 2))
    return classic.model(keys, d_model, [block] * n_layers, norm, Embedding.Config(padding="skipped", norm=norm), classic.tied(keys))


def write(config: Model.Config) -> dict[str, Any]:
    block, attention, _ = classic.first(config)
    residual = only(block, TransformerBlock.Config, FIRST).residual
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "n_layer": decoder_only(config).n_layers,
        "n_head": attention.n_heads,
        "layer_norm_epsilon": classic.layer_norm(residual.pre, "residual.pre").eps,
        "apply_residual_connection_post_layernorm": residual.carry == "normed",
        "attention_dropout": classic.dropout_of(attention),
        "hidden_dropout": residual.dropout,
        "tie_word_embeddings": classic.is_tied(config),
    }


def rules(config: Model.Config) -> list[Rule]:
    base, layer = "transformer", "transformer.h.{i}"
    _, attention, _ = classic.first(config)
    n_heads, head_dim = attention.heads(config.d_model)
    names = {
        "self_attention.dense": "attention.out",
        "mlp.dense_h_to_4h": "feed_forward.up",
        "mlp.dense_4h_to_h": "feed_forward.down",
        "input_layernorm": "attention_residual.pre",
        "post_attention_layernorm": "feed_forward_residual.pre",
    }
    return [
        *classic.outside(f"{base}.word_embeddings.weight", "lm_head", config, f"{base}.ln_f"),
        rule(f"{base}.word_embeddings_layernorm.{{p}}", "embedding.norm.{p}"),
        classic.joined(f"{layer}.self_attention.query_key_value", FusedByGroup(n_heads, n_heads, head_dim)),
        *classic.layer_rules(layer, names),
    ]


# how a product was split over devices, and in which order it is summed; masks
INERT = frozenset(
    {"pretraining_tp", "slow_but_exact", "masked_softmax_fusion", "bias_dropout_fusion", "attention_softmax_in_fp32", "offset_alibi", "seq_length"}
)
INERT |= {"skip_bias_add", "skip_bias_add_qkv", "unk_token_id", "n_inner"}

register(Family("bloom", ("BloomForCausalLM",), read, write, rules, INERT, prefix="transformer"))
