"""T5 1.0 and 1.1, Flan-T5, UL2 (Raffel et al. 2020; Shazeer 2020): pre-norm without biases, a learned bias by distance, unscaled attention.

T5 1.0 reads its logits from the embedding's table, scaled by 1 / sqrt(d_model). T5 1.1 has a head of its own; transformers 5 writes
`tie_word_embeddings: true` for it all the same, so what the files hold decides.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anyformer.architectures.t5 import t5_shape
from anyformer.errors import ConversionError, Problem
from anyformer.interop.hf.activations import read_activation, write_activation
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.shape import only
from anyformer.interop.rule import Rule, rule
from anyformer.interop.surplus import ALWAYS, Dropped, Same
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import GELU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.feed_forward import MLP, FeedForward, GatedMLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import RMSNorm
from anyformer.parts.relative_bias import RelativeBias

FIRST = "encoder.layers.0"


# ---- reading


def read(keys: Keys) -> Model.Config:
    tied = keys.take("tie_word_embeddings", bool, True)
    scaled = keys.take("scale_decoder_outputs", bool, tied)
    tied = scaled or not keys.stored("lm_head.weight", not tied)
    d_model = keys.take("d_model", int)
    head = VocabularyHead.Config(tied=tied, scale=d_model**-0.5 if scaled else 1.0)
    return read_stacks(keys, head, read_feed_forward(keys, "relu"))


def read_feed_forward(keys: Keys, default: str) -> FeedForward.Config:
    name = keys.take("feed_forward_proj", str, default)
    gate, _, activation = name.rpartition("-")
    if gate not in ("", "gated"):
        raise ConversionError(Problem("feed_forward_proj", f"is {name!r}, which is not supported; only an activation, or gated- and an activation"))
    activation = "gelu_new" if name == "gated-gelu" else activation
    keys.expect("dense_act_fn", activation)  # both are derived from it
    keys.expect("is_gated_act", bool(gate))
    act = read_activation(activation, "feed_forward_proj")
    d_ff, dropout = keys.take("d_ff", int), keys.take("dropout_rate", float, 0.1)
    return GatedMLP.Config(d_ff=d_ff, activation=act, dropout=dropout) if gate else MLP.Config(d_ff=d_ff, activation=act, bias=False, dropout=dropout)


def read_stacks(keys: Keys, head: VocabularyHead.Config, feed_forward: FeedForward.Config, *, per_layer: bool = False) -> Model.Config:
    """Both stacks; `per_layer`: each layer has a bias of its own (UMT5)."""
    keys.expect("is_encoder_decoder", True)
    n_encoder = keys.take("num_layers", int)
    n_decoder = keys.take("num_decoder_layers", int, n_encoder)
    dropout = keys.take("dropout_rate", float, 0.1)
    norm = RMSNorm.Config(eps=keys.take("layer_norm_epsilon", float, 1e-6))
    d_model, n_heads, head_dim = keys.take("d_model", int), keys.take("num_heads", int), keys.take("d_kv", int, 64)
    config = t5_shape(feed_forward, head, d_model, n_encoder, n_heads, head_dim, keys.take("vocab_size", int), dropout)
    bias = RelativeBias.Config(
        n_buckets=keys.take("relative_attention_num_buckets", int, 32),
        max_distance=keys.take("relative_attention_max_distance", int, 128),
        per="layer" if per_layer else "stack",
    )

    def stack(side: Stack.Config, n_layers: int, position: RelativeBias.Config) -> Stack.Config:
        block = only(side.blocks[0], TransformerBlock.Config, "blocks.0")
        block = replace(block, attention=replace(block.attention, position=position), residual=replace(block.residual, pre=norm))  # type: ignore[type-var]
        return Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=norm)

    assert config.encoder is not None and config.decoder is not None
    encoder, decoder = stack(config.encoder, n_encoder, bias), stack(config.decoder, n_decoder, replace(bias, bidirectional=False))
    return replace(config, encoder=encoder, decoder=decoder)


# ---- writing


def write(config: Model.Config) -> dict[str, Any]:
    head = only(config.head, VocabularyHead.Config, "head")
    scaled = {} if not head.tied or head.scale != 1 else {"scale_decoder_outputs": False}
    return {**write_stacks(config), "tie_word_embeddings": head.tied, **scaled}


def write_stacks(config: Model.Config) -> dict[str, Any]:
    """What all of T5's relatives say; that all layers are alike, and what else, is checked by reading back."""
    encoder, decoder = only(config.encoder, Stack.Config, "encoder"), only(config.decoder, Stack.Config, "decoder")
    block = only(encoder.layers()[0], TransformerBlock.Config, FIRST)
    attention = only(block.attention, MultiHeadAttention.Config, f"{FIRST}.attention")
    bias = only(attention.position, RelativeBias.Config, f"{FIRST}.attention.position")
    n_heads, head_dim = attention.heads(config.d_model)
    return {
        "vocab_size": config.vocab_size,
        "d_model": config.d_model,
        "num_layers": encoder.n_layers,
        "num_decoder_layers": decoder.n_layers,
        "num_heads": n_heads,
        "d_kv": head_dim,
        "layer_norm_epsilon": only(block.residual.pre, RMSNorm.Config, f"{FIRST}.residual.pre").eps,
        "dropout_rate": only(attention.mechanism, Softmax.Config, f"{FIRST}.attention.mechanism").dropout,
        "relative_attention_num_buckets": bias.n_buckets,
        "relative_attention_max_distance": bias.max_distance,
        "is_encoder_decoder": True,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "decoder_start_token_id": 0,
        **write_feed_forward(block.feed_forward),
    }


def write_feed_forward(feed_forward: FeedForward.Config) -> dict[str, Any]:
    if isinstance(feed_forward, GatedMLP.Config):
        name = "gelu" if feed_forward.activation == GELU(tanh=True) else write_activation(feed_forward.activation)
        return {"d_ff": feed_forward.d_ff, "feed_forward_proj": f"gated-{name}"}
    plain = only(feed_forward, MLP.Config, f"{FIRST}.feed_forward")
    return {"d_ff": plain.d_ff, "feed_forward_proj": write_activation(plain.activation)}


# ---- names


def rules(config: Model.Config) -> list[Rule]:
    return [*model_rules(config), *layer_rules(), *feed_forward_rules(config, "DenseReluDense")]


def model_rules(config: Model.Config) -> list[Rule]:
    tied = only(config.head, VocabularyHead.Config, "head").tied
    return [
        rule("shared.weight", "embedding.weight"),
        rule(("encoder.embed_tokens.weight", "shared.weight"), op=Same(ALWAYS)),
        rule(("decoder.embed_tokens.weight", "shared.weight"), op=Same(ALWAYS)),
        rule(("lm_head.weight", "shared.weight"), op=Same()) if tied else rule("lm_head.weight", "head.weight"),
        rule("{s}.final_layer_norm.weight", "{s}.final_norm.weight"),
        rule("{s}.block.0.layer.0.SelfAttention.relative_attention_bias.weight", "{s}.positions.0.weight"),
        rule("{s}.block.{i}.layer.0.SelfAttention.relative_attention_bias.weight", "{s}.layers.{i}.attention.position.weight"),
        rule("decoder.block.{i}.layer.1.EncDecAttention.relative_attention_bias.weight", op=Dropped("cross-attention has no positions")),
    ]


def layer_rules() -> list[Rule]:
    names = {"q": "query", "k": "key", "v": "value", "o": "out"}
    own = [rule(f"{{s}}.block.{{i}}.layer.0.SelfAttention.{t}.weight", f"{{s}}.layers.{{i}}.attention.{o}.weight") for t, o in names.items()]
    cross = [rule(f"decoder.block.{{i}}.layer.1.EncDecAttention.{t}.weight", f"decoder.layers.{{i}}.cross_attention.{o}.weight") for t, o in names.items()]
    return [
        *own,
        *cross,
        rule("{s}.block.{i}.layer.0.layer_norm.weight", "{s}.layers.{i}.attention_residual.pre.weight"),
        rule("decoder.block.{i}.layer.1.layer_norm.weight", "decoder.layers.{i}.cross_attention_residual.pre.weight"),
        *(rule(f"{side}.block.{{i}}.layer.{n}.layer_norm.weight", f"{side}.layers.{{i}}.feed_forward_residual.pre.weight") for side, n in SUBLAYERS),
    ]


SUBLAYERS = (("encoder", 1), ("decoder", 2))  # where the feed-forward stands in a block


def feed_forward_rules(config: Model.Config, inside: str) -> list[Rule]:
    """`inside`: what the feed-forward is called there."""
    gated = {"wi_0": "gate", "wi_1": "up", "wo": "down"}
    plain = {"wi": "up", "wo": "down"}
    block = only(config.encoder, Stack.Config, "encoder").layers()[0]
    names = gated if isinstance(block.feed_forward, GatedMLP.Config) else plain
    return [
        rule(f"{side}.block.{{i}}.layer.{n}.{inside}.{t}.weight", f"{side}.layers.{{i}}.feed_forward.{o}.weight")
        for side, n in SUBLAYERS
        for t, o in names.items()
    ]


INERT = frozenset({"initializer_factor", "n_positions", "output_past", "classifier_dropout"})

register(Family("t5", ("T5ForConditionalGeneration", "T5WithLMHeadModel"), read, write, rules, INERT))
