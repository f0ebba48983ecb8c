"""What LLaMA and its descendants share: decoders with rotary positions, RMS norms and gated feed-forward layers, and the names of their tensors.

A family reads its attention and feed-forward here, changes what is its own, and puts its blocks together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anyformer.errors import ConversionError, Problem
from anyformer.interop.hf.activations import read_activation, write_activation
from anyformer.interop.hf.keys import Keys
from anyformer.interop.hf.shape import decoder_only, only
from anyformer.interop.ops import Dropped, Same
from anyformer.interop.rule import Rule, rule
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import Block, TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import GatedMLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import And, Causal, Mask, Window
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import Norm, RMSNorm
from anyformer.parts.rotary import Rotary

THEIRS, OURS = "model.layers.{i}", "decoder.layers.{i}"
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


def read_layer_types(keys: Keys, sliding: Sequence[bool]) -> list[bool]:
    """Whether each layer has a window; `sliding`: where `layer_types` does not say."""
    named = keys.take("layer_types", tuple[str, ...], None)
    if named is None:
        return list(sliding)
    unknown = [name for name in named if name not in ("sliding_attention", "full_attention")]
    if unknown or len(named) != len(sliding):
        raise ConversionError(Problem("layer_types", f"names {unknown[0]}" if unknown else f"has {len(named)} entries for {len(sliding)} layers"))
    return [name == "sliding_attention" for name in named]


def windowed(window: int | None) -> Mask:
    """The last `window` tokens, itself counted; None: all."""
    return Causal() if window is None else Causal() & Window(left=window - 1)


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


def stack_of(blocks: Sequence[Block.Config], final_norm: Norm.Config | None) -> Stack.Config:
    """A stack of these layers, told as shortly as it can be: some first ones, and a pattern that repeats."""
    numbers = {block: i for i, block in enumerate(dict.fromkeys(blocks))}
    kinds, n = [numbers[block] for block in blocks], len(blocks)
    ways = ((first, length) for total in range(1, n + 1) for first in range(total) for length in [total - first])
    first, length = next((f, p) for f, p in ways if all(kinds[i] == kinds[f + (i - f) % p] for i in range(f, n)))
    return Stack.Config(n_layers=n, first=tuple(blocks[:first]), blocks=tuple(blocks[first : first + length]), final_norm=final_norm)


def pattern(blocks: Sequence[Block.Config]) -> tuple[Block.Config, ...]:
    """The shortest sequence whose repetition gives `blocks`."""
    length = next(n for n in range(1, len(blocks) + 1) if all(block == blocks[i % n] for i, block in enumerate(blocks)))
    return tuple(blocks[:length])


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


def windows(config: Model.Config) -> list[int | None]:
    """The window of each layer, itself counted."""
    return [_window(block.attention.mask, f"decoder.layers.{i}.attention.mask") for i, block in enumerate(decoder_only(config).layers())]


def _window(mask: Mask, path: str) -> int | None:
    if mask == Causal():
        return None
    if isinstance(mask, And) and mask.left == Causal() and isinstance(mask.right, Window) and mask.right.right is None and mask.right.left is not None:
        return mask.right.left + 1
    raise ConversionError(Problem(path, f"is {mask.to_text()}; it can only be Causal(), or Causal() & Window(left=...)"))


def one_window(config: Model.Config) -> int | None:
    """The window of those layers that have one."""
    found = {w for w in windows(config) if w is not None}
    if len(found) > 1:
        raise ConversionError(Problem("decoder.layers", f"have windows of {sorted(found)} tokens; they can only have one width"))
    return found.pop() if found else None


def write_layer_types(config: Model.Config) -> list[str]:
    return ["full_attention" if w is None else "sliding_attention" for w in windows(config)]


# ---- names


def model_rules(config: Model.Config) -> list[Rule]:
    """What stands outside the layers."""
    tied = only(config.head, VocabularyHead.Config, "head").tied
    return [
        rule("model.embed_tokens.weight", "embedding.weight"),
        rule("model.norm.weight", "decoder.final_norm.weight"),
        rule(("lm_head.weight", "model.embed_tokens.weight"), op=Same()) if tied else rule("lm_head.weight", "head.weight"),
        rule(f"{THEIRS}.self_attn.rotary_emb.inv_freq", op=Dropped("rotary frequencies are computed")),
    ]


def attention_rules() -> list[Rule]:
    names = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "o_proj": "out"}
    norms = {"q_norm": "query_norm", "k_norm": "key_norm"}
    return [rule(f"{THEIRS}.self_attn.{theirs}.{{p}}", f"{OURS}.attention.{ours}.{{p}}") for theirs, ours in names.items()] + [
        rule(f"{THEIRS}.self_attn.{theirs}.weight", f"{OURS}.attention.{ours}.norm.weight") for theirs, ours in norms.items()
    ]


def feed_forward_rules() -> list[Rule]:
    return [rule(f"{THEIRS}.mlp.{name}_proj.{{p}}", f"{OURS}.feed_forward.{name}.{{p}}") for name in ("gate", "up", "down")]


def norm_rules(names: dict[str, str]) -> list[Rule]:
    """`names`: theirs -> ours, of the norms in a layer."""
    return [rule(f"{THEIRS}.{theirs}.weight", f"{OURS}.{ours}.weight") for theirs, ours in names.items()]


PRE_NORM = {"input_layernorm": "attention_residual.pre", "post_attention_layernorm": "feed_forward_residual.pre"}
