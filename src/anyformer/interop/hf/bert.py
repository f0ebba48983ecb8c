"""Encoders: BERT (Devlin et al. 2019), RoBERTa (Liu et al. 2019), RoFormer (Su et al. 2021), BigBird (Zaheer et al. 2020).

Norms stand after each sublayer. The masked words' head is a map, an activation, a norm, and the embedding's table.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import torch

from anyformer.interop.hf.activations import read_activation, write_activation
from anyformer.interop.hf.big_bird_mask import read_mask, write_mask
from anyformer.interop.hf.family import Family, register
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.shape import only
from anyformer.interop.rule import Rule, rule
from anyformer.interop.surplus import ALWAYS, Computed, Dropped, Same
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import GELU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding, Narrow
from anyformer.parts.feed_forward import MLP
from anyformer.parts.head import Pooler, Transform, VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Full
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.position import Learned, Sinusoidal
from anyformer.parts.residual import post_norm
from anyformer.parts.rotary import Rotary

FIRST = "encoder.layers.0"


class Variant(NamedTuple):
    name: str  # of the base model, before its tensors
    head: str = "cls.predictions"
    transform: str = "transform.dense"
    norm: str = "transform.LayerNorm"
    pooler: str = "pooler.dense"
    activation: str = "gelu"  # the class's default
    skipped: bool = False  # positions begin behind the padding's id and skip padding
    rotary: bool = False
    sparse: bool = False  # masks may be BigBird's


# ---- reading


def read(variant: Variant, keys: Keys) -> Model.Config:
    keys.expect("is_decoder", False)
    keys.expect("add_cross_attention", False)
    keys.expect("tie_word_embeddings", True)
    keys.expect("position_embedding_type", "absolute")
    d_model, norm = keys.take("hidden_size", int), LayerNorm.Config(eps=keys.take("layer_norm_eps", float, 1e-12))
    dropout = keys.take("hidden_dropout_prob", float, 0.1)
    activation = read_activation(keys.take("hidden_act", str, variant.activation))
    attention = MultiHeadAttention.Config(
        n_heads=keys.take("num_attention_heads", int),
        mask=read_mask(keys) if variant.sparse else Full(),
        position=Rotary.Config(pairing="neighbours") if variant.rotary else None,
        mechanism=Softmax.Config(dropout=keys.take("attention_probs_dropout_prob", float, 0.1)),
        qkv_bias=keys.take("use_bias", bool, True) if variant.sparse else True,
    )
    feed_forward = MLP.Config(d_ff=keys.take("intermediate_size", int), activation=activation)
    block = TransformerBlock.Config(attention=attention, feed_forward=feed_forward, residual=post_norm(norm, dropout=dropout))
    inside = GELU() if variant.skipped else activation  # RoBERTa's head has GELU whatever the layers have
    return Model.Config(
        vocab_size=keys.take("vocab_size", int),
        d_model=d_model,
        embedding=_read_embedding(variant, keys, d_model, norm, dropout),
        encoder=Stack.Config(n_layers=keys.take("num_hidden_layers", int), blocks=(block,)),
        head=VocabularyHead.Config(tied=True, bias=True, transform=Transform.Config(activation=inside, norm=norm)),
        pooler=Pooler.Config() if keys.stored(f"{variant.name}.{variant.pooler}.weight", False) else None,
        init=Normal(std=keys.take("initializer_range", float, 0.02)),
    )


def _read_embedding(variant: Variant, keys: Keys, d_model: int, norm: LayerNorm.Config, dropout: float) -> Embedding.Config:
    narrow = position = None
    if variant.rotary:
        keys.expect("rotary_value", False)
        keys.ignore("max_position_embeddings")
        dim = keys.take("embedding_size", int, d_model)
        narrow = None if dim == d_model else Narrow(dim=dim, widen="sum", bias=True)
    else:
        rows, first = keys.take("max_position_embeddings", int, 512), keys.take("pad_token_id", int, 1) + 1 if variant.skipped else 0
        position = Learned.Config(length=rows - first, offset=first)
    return Embedding.Config(
        narrow=narrow,
        scale_by_sqrt_dim=keys.take("rescale_embeddings", bool, False) if variant.sparse else False,
        position=position,
        padding="skipped" if variant.skipped else "counted",
        token_types=keys.take("type_vocab_size", int, 2),
        norm=norm,
        dropout=dropout,
    )


# ---- writing


def write(variant: Variant, config: Model.Config) -> dict[str, Any]:
    encoder = only(config.encoder, Stack.Config, "encoder")
    block = only(encoder.layers()[0], TransformerBlock.Config, FIRST)
    attention = only(block.attention, MultiHeadAttention.Config, f"{FIRST}.attention")
    feed_forward = only(block.feed_forward, MLP.Config, f"{FIRST}.feed_forward")
    position, narrow = config.embedding.position, config.embedding.narrow
    said: dict[str, Any] = {}
    if variant.rotary:
        said["embedding_size"] = config.d_model if narrow is None else narrow.dim
    else:
        table = only(position, Learned.Config, "embedding.position")
        said["max_position_embeddings"] = table.length + table.offset
        said |= {"pad_token_id": table.offset - 1} if variant.skipped else {}
    if variant.sparse:
        said |= {"rescale_embeddings": config.embedding.scale_by_sqrt_dim, "use_bias": attention.qkv_bias, **write_mask(attention.mask)}
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.d_model,
        "num_hidden_layers": encoder.n_layers,
        "num_attention_heads": attention.n_heads,
        "intermediate_size": feed_forward.d_ff,
        "hidden_act": write_activation(feed_forward.activation, variant.activation),
        "hidden_dropout_prob": block.residual.dropout,
        "attention_probs_dropout_prob": only(attention.mechanism, Softmax.Config, f"{FIRST}.attention.mechanism").dropout,
        "type_vocab_size": config.embedding.token_types,
        "layer_norm_eps": only(block.residual.post, LayerNorm.Config, f"{FIRST}.residual.post").eps,
        **said,
    }


# ---- names


def rules(variant: Variant, config: Model.Config) -> list[Rule]:
    base, head = variant.name, variant.head
    layer, ours = f"{base}.encoder.layer.{{i}}", "encoder.layers.{i}"
    table = f"{base}.embeddings.word_embeddings.weight"
    names = {
        "attention.self.query": "attention.query",
        "attention.self.key": "attention.key",
        "attention.self.value": "attention.value",
        "attention.output.dense": "attention.out",
        "attention.output.LayerNorm": "attention_residual.post",
        "intermediate.dense": "feed_forward.up",
        "output.dense": "feed_forward.down",
        "output.LayerNorm": "feed_forward_residual.post",
    }
    return [
        rule(table, "embedding.weight"),
        rule(f"{base}.embeddings.position_embeddings.weight", "embedding.position.weight"),
        rule(f"{base}.embeddings.token_type_embeddings.weight", "embedding.types"),
        rule(f"{base}.embeddings.LayerNorm.{{p}}", "embedding.norm.{p}"),
        rule(f"{base}.embeddings_project.{{p}}", "embedding.widen.{p}"),
        rule(f"{base}.embeddings.position_ids", op=Dropped("positions are counted")),
        *(rule(f"{layer}.{t}.{{p}}", f"{ours}.{o}.{{p}}") for t, o in names.items()),
        rule(f"{base}.{variant.pooler}.{{p}}", "pooler.linear.{p}"),
        rule(f"{head}.{variant.transform}.{{p}}", "head.transform.linear.{p}"),
        rule(f"{head}.{variant.norm}.{{p}}", "head.transform.norm.{p}"),
        rule(f"{head}.bias", "head.bias"),
        rule((f"{head}.decoder.weight", table), op=Same(ALWAYS)),
        rule((f"{head}.decoder.bias", f"{head}.bias"), op=Same(ALWAYS)),
        rule("cls.seq_relationship.weight", op=Dropped("a head for pairs of sentences")),
        rule("cls.seq_relationship.bias", op=Dropped("a head for pairs of sentences")),
        *([rule(f"{base}.encoder.embed_positions.weight", op=Computed(partial(_table, config)))] if variant.rotary else []),
    ]


def _table(config: Model.Config, rows: int) -> torch.Tensor:
    """RoFormer's sines and cosines of a head, from which it turns queries and keys."""
    block = only(config.encoder, Stack.Config, "encoder").layers()[0]
    head_dim = block.attention.heads(config.d_model)[1]
    return Sinusoidal.Config(layout="halves").build(head_dim)(torch.arange(rows).unsqueeze(0))[0]  # type: ignore[no-any-return]


OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
INERT = frozenset({"gradient_checkpointing", "output_past", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "directionality"})

VARIANTS = {
    "bert": (("BertForMaskedLM", "BertForPreTraining"), Variant("bert")),
    "roberta": (("RobertaForMaskedLM",), Variant("roberta", head="lm_head", transform="dense", norm="layer_norm", skipped=True)),
    "roformer": (("RoFormerForMaskedLM",), Variant("roformer", rotary=True)),
    "big_bird": (("BigBirdForMaskedLM", "BigBirdForPreTraining"), Variant("bert", pooler="pooler", activation="gelu_new", sparse=True)),
}

for _name, (_classes, _variant) in VARIANTS.items():
    register(Family(_name, _classes, partial(read, _variant), partial(write, _variant), partial(rules, _variant), INERT, old_names=OLD_NAMES))
