"""OPT (Zhang et al. 2022): ReLU, learned positions from row 2 on that skip padding; the 350M model has norms after each sublayer and a narrow table."""

from __future__ import annotations

from typing import Any

from anyformer.interop.hf import classic
from anyformer.interop.hf.activations import read_activation
from anyformer.interop.hf.decoder import FIRST
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.shape import decoder_only, only
from anyformer.interop.rule import Rule, rule
from anyformer.model.model import Model
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding, Narrow
from anyformer.parts.feed_forward import MLP
from anyformer.parts.head import Transform, VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.position import Learned
from anyformer.parts.residual import post_norm, pre_norm


def read(keys: Keys) -> Model.Config:
    d_model, bias = keys.take("hidden_size", int), keys.take("enable_bias", bool, True)
    affine = keys.take("layer_norm_elementwise_affine", bool, True)
    norm = LayerNorm.Config(scale=affine, bias=affine)
    before = keys.take("do_layer_norm_before", bool, True)
    removed = keys.take("_remove_final_layer_norm", bool, False)
    final = before and not removed
    dropout = keys.take("dropout", float, 0.1)
    attention = MultiHeadAttention.Config(
        n_heads=keys.take("num_attention_heads", int),
        mask=Causal(),
        mechanism=Softmax.Config(dropout=keys.take("attention_dropout", float, 0.0)),
        qkv_bias=bias,
        out_bias=bias,
    )
    activation = read_activation(keys.take("activation_function", str, "relu"), "activation_function")
    feed_forward = MLP.Config(d_ff=keys.take("ffn_dim", int), activation=activation, bias=bias)
    residual = (pre_norm if before else post_norm)(norm, dropout=dropout)
    block = TransformerBlock.Config(attention=attention, feed_forward=feed_forward, residual=residual)
    dim = keys.take("word_embed_proj_dim", int, d_model)
    narrow = None if dim == d_model else Narrow(dim=dim)
    position = Learned.Config(length=keys.take("max_position_embeddings", int, 2048), offset=2)
    embedding = Embedding.Config(narrow=narrow, position=position, padding="skipped")
    transform = None if narrow is None else Transform.Config(bias=False)
    head = VocabularyHead.Config(tied=keys.take("tie_word_embeddings", bool, True), transform=transform)
    made = classic.model(keys, d_model, [block] * keys.take("num_hidden_layers", int), norm if final else None, embedding, head)
    return made.override("init", Normal(std=keys.take("init_std", float, 0.02)))


def write(config: Model.Config) -> dict[str, Any]:
    block, attention, feed_forward = classic.first(config)
    residual = only(block, TransformerBlock.Config, FIRST).residual
    before, final = residual.pre is not None, decoder_only(config).final_norm is not None
    norm = classic.layer_norm(residual.pre or residual.post, "residual.post")
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "num_hidden_layers": decoder_only(config).n_layers,
        "num_attention_heads": attention.n_heads,
        "ffn_dim": feed_forward.d_ff,
        "activation_function": classic.activation_of(feed_forward),
        "max_position_embeddings": only(config.embedding.position, Learned.Config, "embedding.position").length,
        "word_embed_proj_dim": config.d_model if config.embedding.narrow is None else config.embedding.narrow.dim,
        "do_layer_norm_before": before,
        "_remove_final_layer_norm": before and not final,
        "enable_bias": attention.qkv_bias,
        "layer_norm_elementwise_affine": norm.scale,
        "dropout": residual.dropout,
        "attention_dropout": classic.dropout_of(attention),
        "tie_word_embeddings": classic.is_tied(config),
    }


def rules(config: Model.Config) -> list[Rule]:
    base, layer = "model.decoder", "model.decoder.layers.{i}"
    block, _, _ = classic.first(config)
    place = "post" if block.residual.pre is None else "pre"
    names = {
        "self_attn.q_proj": "attention.query",
        "self_attn.k_proj": "attention.key",
        "self_attn.v_proj": "attention.value",
        "self_attn.out_proj": "attention.out",
        "fc1": "feed_forward.up",
        "fc2": "feed_forward.down",
        "self_attn_layer_norm": f"attention_residual.{place}",
        "final_layer_norm": f"feed_forward_residual.{place}",
    }
    return [
        *classic.outside(f"{base}.embed_tokens.weight", "lm_head", config, f"{base}.final_layer_norm"),
        rule(f"{base}.embed_positions.weight", "embedding.position.weight"),
        rule(f"{base}.project_in.weight", "embedding.widen.weight"),
        rule(f"{base}.project_out.weight", "head.transform.linear.weight"),
        *classic.layer_rules(layer, names),
    ]


INERT = frozenset({"layerdrop", "activation_dropout", "bos_token_id"})

register(Family("opt", ("OPTForCausalLM",), read, write, rules, INERT, prefix="model"))
