"""What LLaMA and its descendants share: decoders with rotary positions, RMS norms and gated feed-forward layers, whose names of tensors are in `decoder_names`.

A family reads its attention and feed-forward here, changes what is its own, and puts its blocks together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anyformer.interop.hf.activations import read_activation, write_activation
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.layers import stack_of
from anyformer.interop.hf.shape import decoder_only, only
from anyformer.model.model import Model
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import Block, TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import GatedMLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import RMSNorm
from anyformer.parts.rotary import Rotary

FIRST = "decoder.layers.0"  # where `write` functions look; that the others are alike is checked by reading back


# ---- reading


def read_attention(
    keys: Keys, position: Rotary.Config, *, qkv_bias: bool, out_bias: bool, n_kv_heads: int | None = None, head_dim: int | None = None
) -> MultiHeadAttention.Config:
    """Causal attention; `n_kv_heads` and `head_dim` are the class's defaults, None: n_heads, and d_model / n_heads."""
    n_heads = keys.take("num_attention_heads", int)
    return MultiHeadAttention.Config(
        n_heads=n_heads,
        n_kv_heads=keys.take_or_none("num_key_value_heads", int, n_kv_heads or n_heads) or n_heads,
        head_dim=keys.take_or_none("head_dim", int, head_dim) or keys.take("hidden_size", int) // n_heads,
        mask=Causal(),
        position=position,
        mechanism=Softmax.Config(dropout=keys.take("attention_dropout", float, 0.0)),
        qkv_bias=qkv_bias,
        out_bias=out_bias,
    )


def read_feed_forward(
    keys: Keys, *, activation: str = "hidden_act", default: str = "silu", bias: bool = False, width: str = "intermediate_size"
) -> GatedMLP.Config:
    """`activation`: the name of its key; `default`: the class's."""
    return GatedMLP.Config(d_ff=keys.take(width, int), activation=read_activation(keys.take(activation, str, default), activation), bias=bias)


def read_model(
    keys: Keys,
    blocks: Sequence[Block.Config],
    norm: RMSNorm.Config,
    *,
    tied: bool = False,
    embedding: Embedding.Config = Embedding.Config(),  # noqa: B008 (frozen)
    softcap: float | None = None,
) -> Model.Config:
    """The whole of it; `blocks` are those of all layers, `tied` the class's default."""
    return Model.Config(
        vocab_size=keys.take("vocab_size", int),
        d_model=keys.take("hidden_size", int),
        embedding=embedding,
        decoder=stack_of(blocks, norm),
        head=VocabularyHead.Config(tied=keys.take("tie_word_embeddings", bool, tied), softcap=softcap),
        init=Normal(std=keys.take("initializer_range", float, 0.02)),
    )


# ---- writing


def layer(config: Model.Config, index: int = 0) -> TransformerBlock.Config:
    """A layer of a model that is a decoder alone."""
    return only(decoder_only(config).layers()[index], TransformerBlock.Config, f"decoder.layers.{index}")


def attention_of(block: TransformerBlock.Config) -> MultiHeadAttention.Config:
    return only(block.attention, MultiHeadAttention.Config, f"{FIRST}.attention")


def write_model(config: Model.Config) -> dict[str, Any]:
    """The keys that all of them have."""
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "num_hidden_layers": decoder_only(config).n_layers,
        "tie_word_embeddings": only(config.head, VocabularyHead.Config, "head").tied,
    } | write_attention(attention_of(layer(config)), config.d_model)


def write_attention(attention: MultiHeadAttention.Config, d_model: int) -> dict[str, Any]:
    n_heads, head_dim = attention.heads(d_model)
    return {
        "num_attention_heads": n_heads,
        "num_key_value_heads": attention.n_kv_heads or n_heads,
        "head_dim": head_dim,
        "attention_dropout": only(attention.mechanism, Softmax.Config, f"{FIRST}.attention.mechanism").dropout,
    }


def write_feed_forward(block: TransformerBlock.Config, *, activation: str = "hidden_act", prefer: str = "gelu_new") -> dict[str, Any]:
    feed_forward = only(block.feed_forward, GatedMLP.Config, f"{FIRST}.feed_forward")
    return {"intermediate_size": feed_forward.d_ff, activation: write_activation(feed_forward.activation, prefer)}


def write_norm(norm: Any, path: str = "residual.pre") -> dict[str, Any]:
    return {"rms_norm_eps": only(norm, RMSNorm.Config, f"{FIRST}.{path}").eps}
