"""BART (Lewis et al. 2020), mBART (Liu et al. 2020), Marian (Junczys-Dowmunt et al. 2018), Pegasus (Zhang et al. 2020), M2M-100 and NLLB (Fan et al. 2021).

One shape in five variants: where the norms stand, whether embeddings are normalised, which positions, whether the logits have a bias.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch

from anyformer.interop.hf.activations import read_activation, write_activation
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.shape import only
from anyformer.interop.ops import Reshaped
from anyformer.interop.rule import Rule, rule
from anyformer.interop.surplus import ALWAYS, Computed, Dropped, Filled, Same
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Causal, Full
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.position import InputPosition, Learned, Sinusoidal
from anyformer.parts.residual import post_norm, pre_norm

FIRST = "encoder.layers.0"


class Variant(NamedTuple):
    pre: bool  # norms before each sublayer and after each stack; else after each sublayer
    embedding_norm: bool
    position: Callable[[Keys], InputPosition.Config]
    activation: str = "gelu"  # the class's default
    scaled: bool = False  # whether embeddings are scaled, where config.json does not say
    bias: bool = True  # of the logits
    skipped: bool = False  # whether padding takes no position
    own_vocabularies: bool = False  # whether each side may have its own
    stored: int = 0  # rows of the table of sinusoids in its files, which others leave out


# ---- reading


def read(variant: Variant, keys: Keys) -> Model.Config:
    keys.expect("is_encoder_decoder", True)
    keys.ignore("num_hidden_layers")  # the encoder's, said twice
    d_model, norm = keys.take("d_model", int), LayerNorm.Config()
    embedding = Embedding.Config(
        scale_by_sqrt_dim=keys.take("scale_embedding", bool, variant.scaled),
        position=variant.position(keys),
        padding="skipped" if variant.skipped else "counted",
        norm=norm if variant.embedding_norm else None,
        dropout=keys.take("dropout", float, 0.1),
    )
    vocab_size = source_vocab_size = keys.take("vocab_size", int)
    if variant.own_vocabularies:
        shared = keys.take("share_encoder_decoder_embeddings", bool, True)
        target = keys.take("decoder_vocab_size", int, vocab_size)
        vocab_size = vocab_size if shared else target
    own = variant.own_vocabularies and not shared
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=embedding,
        encoder_embedding=_beside(embedding, source_vocab_size if own else None, variant),
        encoder=_read_stack(keys, "encoder", variant, norm),
        decoder=_read_stack(keys, "decoder", variant, norm),
        head=VocabularyHead.Config(
            tied=keys.take("tie_word_embeddings", bool, True) if variant.own_vocabularies else keys.expect("tie_word_embeddings", True),
            bias=variant.bias and keys.stored("final_logits_bias", True),
        ),
        init=Normal(std=keys.take("init_std", float, 0.02)),
    )


def _beside(embedding: Embedding.Config, vocab_size: int | None, variant: Variant) -> Embedding.Config | None:
    """The encoder's embedding, where it has anything of its own: a table, or positions and a norm that are learned."""
    if vocab_size is None and not variant.embedding_norm:
        return None
    return embedding.override("vocab_size", vocab_size)


def _read_stack(keys: Keys, side: str, variant: Variant, norm: LayerNorm.Config) -> Stack.Config:
    place = pre_norm if variant.pre else post_norm
    dropout = keys.take("dropout", float, 0.1)
    mechanism = Softmax.Config(dropout=keys.take("attention_dropout", float, 0.0))
    attention = MultiHeadAttention.Config(n_heads=keys.take(f"{side}_attention_heads", int), mask=Full(), mechanism=mechanism)
    block = TransformerBlock.Config(
        attention=attention if side == "encoder" else attention.override("mask", Causal()),
        cross_attention=None if side == "encoder" else attention,
        feed_forward=MLP.Config(
            d_ff=keys.take(f"{side}_ffn_dim", int),
            activation=read_activation(keys.take("activation_function", str, variant.activation), "activation_function"),
            dropout=keys.take("activation_dropout", float, 0.0),
        ),
        residual=place(norm, dropout=dropout),
    )
    return Stack.Config(n_layers=keys.take(f"{side}_layers", int), blocks=(block,), final_norm=norm if variant.pre else None)


def learned(keys: Keys) -> InputPosition.Config:
    return Learned.Config(length=keys.take("max_position_embeddings", int, 1024), offset=2)


def sinusoidal(keys: Keys) -> InputPosition.Config:
    keys.ignore("max_position_embeddings", "static_position_embeddings")  # rows of a table that is computed
    return Sinusoidal.Config(layout="halves")


def tensor2tensor(keys: Keys) -> InputPosition.Config:
    keys.ignore("max_position_embeddings")
    return Sinusoidal.Config(layout="halves", spacing="tensor2tensor", offset=keys.take("pad_token_id", int, 1) + 1)


# ---- writing


def write(variant: Variant, config: Model.Config) -> dict[str, Any]:
    encoder, decoder = only(config.encoder, Stack.Config, "encoder"), only(config.decoder, Stack.Config, "decoder")
    block = only(encoder.layers()[0], TransformerBlock.Config, FIRST)
    attention = only(block.attention, MultiHeadAttention.Config, f"{FIRST}.attention")
    feed_forward = only(block.feed_forward, MLP.Config, f"{FIRST}.feed_forward")
    own = config.encoder_embedding.vocab_size if config.encoder_embedding is not None else None
    position = config.embedding.position
    pad = {"pad_token_id": position.offset - 1} if isinstance(position, Sinusoidal.Config) and variant.skipped else {}
    vocabularies = {"share_encoder_decoder_embeddings": own is None, "decoder_vocab_size": config.vocab_size} if variant.own_vocabularies else {}
    return {
        "vocab_size": own or config.vocab_size,
        "d_model": config.d_model,
        "scale_embedding": config.embedding.scale_by_sqrt_dim,
        "activation_function": write_activation(feed_forward.activation),
        "dropout": config.embedding.dropout,
        "attention_dropout": only(attention.mechanism, Softmax.Config, f"{FIRST}.attention.mechanism").dropout,
        "activation_dropout": feed_forward.dropout,
        "is_encoder_decoder": True,
        "tie_word_embeddings": only(config.head, VocabularyHead.Config, "head").tied,
        **({"max_position_embeddings": position.length} if isinstance(position, Learned.Config) else {}),
        **pad,
        **vocabularies,
        **_write_stack(encoder, "encoder"),
        **_write_stack(decoder, "decoder"),
    }


def _write_stack(stack: Stack.Config, side: str) -> dict[str, Any]:
    block = only(stack.layers()[0], TransformerBlock.Config, f"{side}.layers.0")
    return {
        f"{side}_layers": stack.n_layers,
        f"{side}_attention_heads": only(block.attention, MultiHeadAttention.Config, f"{side}.layers.0.attention").n_heads,
        f"{side}_ffn_dim": only(block.feed_forward, MLP.Config, f"{side}.layers.0.feed_forward").d_ff,
    }


# ---- names


def rules(variant: Variant, config: Model.Config) -> list[Rule]:
    head = only(config.head, VocabularyHead.Config, "head")
    own = config.encoder_embedding is not None and config.encoder_embedding.vocab_size is not None
    table = "model.decoder.embed_tokens.weight" if own else "model.shared.weight"
    apart = "set share_encoder_decoder_embeddings to false to keep the table of each side" if variant.own_vocabularies else ALWAYS
    tied = Same() if variant.own_vocabularies else Same(ALWAYS)
    place = "pre" if variant.pre else "post"
    attentions = {"self_attn": "attention", "encoder_attn": "cross_attention"}
    projections = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "out_proj": "out"}
    layer, ours = "model.{s}.layers.{i}", "{s}.layers.{i}"
    norms = {"self_attn_layer_norm": "attention", "encoder_attn_layer_norm": "cross_attention", "final_layer_norm": "feed_forward"}
    return [
        rule(table, "embedding.weight"),
        *(_own_tables() if own else [rule((f"model.{side}.embed_tokens.weight", table), op=Same(apart)) for side in ("encoder", "decoder")]),
        rule(("lm_head.weight", table), op=tied) if head.tied else rule("lm_head.weight", "head.weight"),
        *_bias_rules(config.vocab_size, head.bias, variant.bias),
        *_embedding_rules(config, variant.stored),
        rule("model.{s}.layer_norm.{p}", "{s}.final_norm.{p}"),
        *(rule(f"{layer}.{t}.{tp}.{{p}}", f"{ours}.{o}.{op}.{{p}}") for t, o in attentions.items() for tp, op in projections.items()),
        *(rule(f"{layer}.{t}.{{p}}", f"{ours}.{o}_residual.{place}.{{p}}") for t, o in norms.items()),
        *(rule(f"{layer}.{t}.{{p}}", f"{ours}.feed_forward.{o}.{{p}}") for t, o in {"fc1": "up", "fc2": "down"}.items()),
    ]


def _own_tables() -> list[Rule]:
    return [
        rule("model.encoder.embed_tokens.weight", "encoder_embedding.weight"),
        rule("model.shared.weight", op=Dropped("encoder and decoder have a table of their own each")),
    ]


def _bias_rules(vocab_size: int, ours: bool, theirs: bool) -> list[Rule]:
    if ours:
        return [rule("final_logits_bias", "head.bias", Reshaped((1, vocab_size), (vocab_size,)))]
    return [rule("final_logits_bias", op=Filled((1, vocab_size)))] if theirs else []


def _embedding_rules(config: Model.Config, stored: int) -> list[Rule]:
    """Positions and norms of each side's embedding."""
    found = []
    for side, ours in (("encoder", "encoder_embedding"), ("decoder", "embedding")):
        if isinstance(config.embedding.position, Learned.Config):
            found.append(rule(f"model.{side}.embed_positions.weight", f"{ours}.position.weight"))
        else:
            found.append(rule(f"model.{side}.embed_positions.weight", op=Computed(partial(_table, config), stored)))
        found.append(rule(f"model.{side}.layernorm_embedding.{{p}}", f"{ours}.norm.{{p}}"))
    return found


def _table(config: Model.Config, rows: int) -> torch.Tensor:
    """The first rows of the positions."""
    position = only(config.embedding.position, Sinusoidal.Config, "embedding.position")
    return position.build(config.d_model)(torch.arange(rows).unsqueeze(0))[0]  # type: ignore[no-any-return]


# what older files say beside: variants of fairseq's Transformer that the classes of today do not have, at the value they all have
INERT = frozenset({"encoder_layerdrop", "decoder_layerdrop", "classif_dropout", "gradient_checkpointing", "save_step"}) | frozenset(
    {"normalize_embedding", "add_final_layer_norm", "normalize_before", "add_bias_logits", "extra_pos_embeddings"}
)

VARIANTS = {
    "bart": (("BartForConditionalGeneration",), Variant(pre=False, embedding_norm=True, position=learned)),
    "mbart": (("MBartForConditionalGeneration",), Variant(pre=True, embedding_norm=True, position=learned)),
    "marian": (("MarianMTModel",), Variant(pre=False, embedding_norm=False, position=sinusoidal, own_vocabularies=True)),
    "pegasus": (("PegasusForConditionalGeneration",), Variant(pre=True, embedding_norm=False, position=sinusoidal, stored=1024)),
    "m2m_100": (
        ("M2M100ForConditionalGeneration",),
        Variant(pre=True, embedding_norm=False, position=tensor2tensor, activation="relu", scaled=True, bias=False, skipped=True),
    ),
}

for _name, (_classes, _variant) in VARIANTS.items():
    register(Family(_name, _classes, partial(read, _variant), partial(write, _variant), partial(rules, _variant), INERT))
