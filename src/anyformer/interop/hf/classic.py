"""What the decoders before LLaMA share: LayerNorm, plain feed-forward layers, every name their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anyformer.interop.hf.activations import write_activation
from anyformer.interop.hf.decoder import FIRST
from anyformer.interop.hf.decoder_names import OURS
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.layers import stack_of
from anyformer.interop.hf.shape import decoder_only, only
from anyformer.interop.ops import COPY, Op
from anyformer.interop.rule import Rule, rule
from anyformer.interop.surplus import Dropped, Same
from anyformer.model.model import Model
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import Block, ParallelBlock, TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm, Norm


def model(
    keys: Keys,
    d_model: int,
    blocks: Sequence[Block.Config],
    norm: Norm.Config | None,
    embedding: Embedding.Config,
    head: VocabularyHead.Config,
) -> Model.Config:
    """The whole of it; `blocks` are those of all layers, `norm` is the final one."""
    return Model.Config(
        vocab_size=keys.take("vocab_size", int),
        d_model=d_model,
        embedding=embedding,
        decoder=stack_of(blocks, norm),
        head=head,
        init=Normal(std=keys.take("initializer_range", float, 0.02)),
    )


def tied(keys: Keys, default: bool = True, *, bias: bool = False) -> VocabularyHead.Config:
    return VocabularyHead.Config(tied=keys.take("tie_word_embeddings", bool, default), bias=bias)


# ---- writing


def first(config: Model.Config) -> tuple[Any, MultiHeadAttention.Config, MLP.Config]:
    """The first layer, its attention and its feed-forward."""
    block = decoder_only(config).layers()[0]
    if not isinstance(block, (TransformerBlock.Config, ParallelBlock.Config)):
        only(block, TransformerBlock.Config, FIRST)
    attention = only(block.attention, MultiHeadAttention.Config, f"{FIRST}.attention")
    return block, attention, only(block.feed_forward, MLP.Config, f"{FIRST}.feed_forward")


def layer_norm(norm: Any, path: str) -> LayerNorm.Config:
    return only(norm, LayerNorm.Config, f"{FIRST}.{path}")


def is_tied(config: Model.Config) -> bool:
    return only(config.head, VocabularyHead.Config, "head").tied


def dropout_of(attention: MultiHeadAttention.Config) -> float:
    return only(attention.mechanism, Softmax.Config, f"{FIRST}.attention.mechanism").dropout


def activation_of(feed_forward: MLP.Config, prefer: str = "gelu_new") -> str:
    return write_activation(feed_forward.activation, prefer)


# ---- names


def layer_rules(theirs: str, names: Mapping[str, str], op: Op = COPY) -> list[Rule]:
    """`names`: theirs -> ours, of what has weights and biases in a layer."""
    return [rule(f"{theirs}.{t}.{{p}}", f"{OURS}.{o}.{{p}}", op) for t, o in names.items()]


def joined(theirs: str, op: Op) -> Rule:
    """One map of theirs that holds query, key and value."""
    return rule(f"{theirs}.{{p}}", tuple(f"{OURS}.attention.{part}.{{p}}" for part in ("query", "key", "value")), op)


def outside(table: str, head: str, config: Model.Config, final_norm: str | None = None) -> list[Rule]:
    """The embedding's table, the head, the final norm."""
    found = [rule(table, "embedding.weight")]
    found.append(rule((f"{head}.weight", table), op=Same()) if is_tied(config) else rule(f"{head}.weight", "head.weight"))
    found.append(rule(f"{head}.bias", "head.bias"))
    return found + ([] if final_norm is None else [rule(f"{final_norm}.{{p}}", "decoder.final_norm.{p}")])


def computed(*names: str) -> list[Rule]:
    """Buffers of older files that hold masks and tables."""
    return [rule(name, op=Dropped("masks and tables are computed")) for name in names]
