"""GPT-Neo (Black et al. 2021): GPT-2 with unscaled attention, without biases on query, key and value, and a window in every other layer."""

from __future__ import annotations

from typing import Any

from anyformer.errors import ConversionError, Problem
from anyformer.interop.hf import classic
from anyformer.interop.hf.activations import read_activation
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.gpt2 import INERT
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.layers import one_window, windowed, windows
from anyformer.interop.hf.shape import only
from anyformer.interop.rule import Rule, rule
from anyformer.model.model import Model
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.position import Learned
from anyformer.parts.residual import pre_norm


def read(keys: Keys) -> Model.Config:
    d_model, n_layers = keys.take("hidden_size", int), keys.take("num_layers", int)
    norm = LayerNorm.Config(eps=keys.take("layer_norm_epsilon", float, 1e-5))
    window = keys.take("window_size", int, 256)
    kinds = _kinds(keys, n_layers)

    def block(kind: str) -> TransformerBlock.Config:
        attention = MultiHeadAttention.Config(
            n_heads=keys.take("num_heads", int),
            mask=windowed(window if kind == "local" else None),
            scale=1.0,
            mechanism=Softmax.Config(dropout=keys.take("attention_dropout", float, 0.0)),
            qkv_bias=False,
        )
        d_ff = keys.take_or_none("intermediate_size", int, None) or 4 * d_model
        activation = read_activation(keys.take("activation_function", str, "gelu_new"), "activation_function")
        residual = pre_norm(norm, dropout=keys.take("resid_dropout", float, 0.0))
        return TransformerBlock.Config(attention=attention, feed_forward=MLP.Config(d_ff=d_ff, activation=activation), residual=residual)

    position = Learned.Config(length=keys.take("max_position_embeddings", int, 2048))
    embedding = Embedding.Config(position=position, dropout=keys.take("embed_dropout", float, 0.0))
    return classic.model(keys, d_model, [block(kind) for kind in kinds], norm, embedding, classic.tied(keys))


def _kinds(keys: Keys, n_layers: int) -> list[str]:
    """global or local, for each layer."""
    types = keys.take("attention_types", Any, [[["global", "local"], 12]])
    kinds = [kind for names, times in types for _ in range(times) for kind in names]
    kinds = list(keys.take("attention_layers", tuple[str, ...], tuple(kinds)))
    if len(kinds) != n_layers or not set(kinds) <= {"global", "local"}:
        raise ConversionError(Problem("attention_layers", f"is {kinds}; it names global or local for each of {n_layers} layers"))
    return kinds


def write(config: Model.Config) -> dict[str, Any]:
    block, attention, feed_forward = classic.first(config)
    kinds = ["global" if w is None else "local" for w in windows(config)]
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "num_layers": len(kinds),
        "num_heads": attention.n_heads,
        "intermediate_size": feed_forward.d_ff,
        "activation_function": classic.activation_of(feed_forward),
        "max_position_embeddings": only(config.embedding.position, Learned.Config, "embedding.position").length,
        "attention_types": [[[kind], 1] for kind in kinds],
        "attention_layers": kinds,
        "window_size": one_window(config) or 256,
        "layer_norm_epsilon": classic.layer_norm(block.residual.pre, "residual.pre").eps,
        "attention_dropout": classic.dropout_of(attention),
        "embed_dropout": config.embedding.dropout,
        "resid_dropout": block.residual.dropout,
        "tie_word_embeddings": classic.is_tied(config),
    }


def rules(config: Model.Config) -> list[Rule]:
    layer = "transformer.h.{i}"
    names = {
        "attn.attention.q_proj": "attention.query",
        "attn.attention.k_proj": "attention.key",
        "attn.attention.v_proj": "attention.value",
        "attn.attention.out_proj": "attention.out",
        "mlp.c_fc": "feed_forward.up",
        "mlp.c_proj": "feed_forward.down",
        "ln_1": "attention_residual.pre",
        "ln_2": "feed_forward_residual.pre",
    }
    return [
        *classic.outside("transformer.wte.weight", "lm_head", config, "transformer.ln_f"),
        rule("transformer.wpe.weight", "embedding.position.weight"),
        *classic.layer_rules(layer, names),
        *classic.computed(f"{layer}.attn.attention.bias", f"{layer}.attn.attention.masked_bias"),
    ]


register(Family("gpt_neo", ("GPTNeoForCausalLM",), read, write, rules, INERT, prefix="transformer"))
