"""A config as a short table: what each stack is made of, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from anyformer.inspection import words
from anyformer.model.model import Model
from anyformer.model.skeleton import distinct, stacks, where
from anyformer.model.stack import Stack
from anyformer.parts.attention import Attention
from anyformer.parts.block import Block, ParallelBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.head import Head, VocabularyHead
from anyformer.parts.moe import MoE


def summary(config: Model.Config) -> str:
    """Lines of names and words, indented by two."""
    rows = [("width", f"{config.d_model:,}, vocabulary {config.vocab_size:,}"), ("embedding", embedding(config.embedding))]
    if config.encoder_embedding is not None:
        rows.append(("of encoder", embedding(config.encoder_embedding)))
    for side, stack in stacks(config).items():
        rows += _stack(side, stack, config.d_model)
    rows.append(("head", head(config.head)))
    if config.pooler is not None:
        rows.append(("pooler", "a map and tanh of the first token"))
    rows.append(("first weights", words.brief(config.init)))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in rows)


def embedding(config: Embedding.Config) -> str:
    positions = f"positions {words.position(config.position)}" if config.position is not None else "no positions"
    norm = [words.norm(config.norm)] if config.norm is not None else []
    skipped = ["padding takes no position"] if config.padding == "skipped" else []
    return ", ".join([positions, *table(config), *norm, *skipped])


def table(config: Embedding.Config) -> list[str]:
    """What is particular about the table of tokens, and about what is added to it beside positions."""
    said = [f"{config.vocab_size:,} tokens of its own"] if config.vocab_size else []
    if config.narrow is not None:
        said.append(f"{config.narrow.dim} wide, widened by a map{' at the end' if config.narrow.widen == 'sum' else ''}")
    said += ["x sqrt(width)"] if config.scale_by_sqrt_dim else []
    return said + ([f"{config.token_types} type{'s' if config.token_types > 1 else ''} of tokens"] if config.token_types else [])


def head(config: Head.Config) -> str:
    if not isinstance(config, VocabularyHead.Config):
        return words.brief(config)
    said = ["the embedding's table" if config.tied else "a table of its own"]
    if config.transform is not None:
        norm = [words.norm(config.transform.norm)] if config.transform.norm is not None else []
        said.append("after " + ", ".join(["a map", words.activation(config.transform.activation), *norm]))
    said += ["bias"] if config.bias else []
    said += [f"logits x {config.scale:.4g}"] if config.scale != 1 else []
    said += [f"capped at {config.softcap:g}"] if config.softcap is not None else []
    return ", ".join(said)


def _stack(side: str, stack: Stack.Config, d_model: int) -> Iterator[tuple[str, str]]:
    end = f", {words.norm(stack.final_norm)} at the end" if stack.final_norm is not None else ""
    yield side, f"{stack.n_layers:,} layer{'s' if stack.n_layers > 1 else ''}{end}"
    kinds = distinct(stack)
    for block, copies in kinds.items():
        indent = "  "
        if len(kinds) > 1:
            yield f"  layers {where(stack, block)}", f"{copies:,} of them"
            indent = "    "
        yield from ((indent + name, text) for name, text in _block(block, d_model))


def _block(block: Block.Config, d_model: int) -> Iterator[tuple[str, str]]:
    yield "attention", attention(block.attention, d_model)
    if block.cross_attention is not None:
        yield "cross", attention(block.cross_attention, d_model)
    part = block.feed_forward
    yield "feed-forward", f"{words.feed_forward(part)}, {words.widths(part)}" + (f", by {words.router(part)}" if isinstance(part, MoE.Config) else "")
    yield "norms", norms(block)
    yield "biases", words.biases(block)


def norms(block: Any) -> str:
    if isinstance(block, ParallelBlock.Config):
        of_both = "one norm for both" if block.feed_forward_norm is None else "a norm for each"
        return f"{words.norm(block.norm)} before; attention and feed-forward in parallel, {of_both}"
    return words.residual(block.residual)


def attention(config: Attention.Config, d_model: int) -> str:
    where_ = words.position(config.position) if config.position is not None else ""
    return ", ".join(filter(None, [words.attention(config), words.heads(config, d_model), words.mask(config.mask), where_, *words.score_extras(config)]))
