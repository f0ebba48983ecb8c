"""The aspects of a model in words, as `edits.ASPECTS` names them: what a config has of each, and how that differs before and after a change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from anyformer.inspection import summary, words
from anyformer.inspection.edits import Edit
from anyformer.model.model import Model
from anyformer.model.skeleton import distinct, stacks, where
from anyformer.parts.block import Block, ParallelBlock
from anyformer.parts.latent_attention import LatentAttention

Teller = Callable[[Model.Config], str]


def of_layers(tell: Callable[[Block.Config, int], str]) -> Teller:
    """What layers have, once where all have the same: else `encoder: ..; decoder layers 0, 2, .. 10: ..`."""

    def told_of(config: Model.Config) -> str:
        found: dict[str, list[str]] = {}  # text -> places
        for side, stack in stacks(config).items():
            texts: dict[str, list[str]] = {}
            for block in distinct(stack):
                texts.setdefault(tell(block, config.d_model), []).append(where(stack, block))
            for text, places in texts.items():
                share = len(places) == 1 and " of " in places[0]  # `5 of 6`
                named = side if len(texts) == 1 else f"{places[0]} {side} layers" if share else f"{side} layers {' and '.join(places)}"
                found.setdefault(text, []).append(named)
        if len(found) == 1:
            return next(iter(found))
        return "; ".join(f"{' and '.join(places)}: {text}" for text, places in found.items())

    return told_of


def _shape(config: Model.Config) -> str:
    return " and ".join(stacks(config)) + (" alone" if len(stacks(config)) == 1 else "")


def _layers(config: Model.Config) -> str:
    def of(stack: Any) -> str:
        kinds = len(stack.blocks)
        first = f"{len(stack.first)} layers of their own, then " if stack.first else ""
        return first + ("all alike" if kinds == 1 else f"{kinds} kinds in turn")

    texts = {side: of(stack) for side, stack in stacks(config).items()}
    return next(iter(texts.values())) if len(set(texts.values())) == 1 else "; ".join(f"{side}: {text}" for side, text in texts.items())


def _depth(config: Model.Config) -> str:
    counts = [stack.n_layers for stack in stacks(config).values()]
    return " + ".join(f"{n:,}" for n in counts) + (" layer" if counts == [1] else " layers")


def _width(config: Model.Config) -> str:
    def heads(block: Block.Config, d_model: int) -> str:
        part = block.attention
        n, width = part.heads(d_model)
        return f"{n} heads x {part.nope_dim + part.rope_dim}" if isinstance(part, LatentAttention.Config) else f"{n} heads x {width}"

    return f"d_model {config.d_model:,}, {of_layers(heads)(config)}"


def _keys(block: Block.Config, d_model: int) -> str:
    n, keys = block.attention.heads(d_model)[0], getattr(block.attention, "n_kv_heads", None)
    if isinstance(block.attention, LatentAttention.Config):
        return f"a latent of {block.attention.kv_rank}"
    return "as many key heads as heads" if keys in (None, n) else f"{keys} key head{'s' if keys > 1 else ''}"


def _positions(config: Model.Config) -> str:
    at_input = words.position(config.embedding.position) + " at the input" if config.embedding.position is not None else ""
    inside = of_layers(lambda block, _: words.position(block.attention.position))(config)
    inside = "" if inside == "none" else inside + " in attention"
    skipped = "padding skipped" if config.embedding.padding == "skipped" else ""
    return ", ".join(filter(None, [at_input, inside, skipped])) or "none"


def _norms(config: Model.Config) -> str:
    said_ = [of_layers(lambda block, _: summary.norms(block))(config)]
    ends = dict.fromkeys(words.norm(stack.final_norm) for stack in stacks(config).values() if stack.final_norm is not None)
    said_ += [f"{' and '.join(ends)} at the end"] if ends else []
    said_ += [f"{words.norm(config.embedding.norm)} on embeddings"] if config.embedding.norm is not None else []
    return ", ".join(said_)


def _embedding(config: Model.Config) -> str:
    own = ["the encoder's positions and norm are its own"] if config.encoder_embedding is not None else []
    return ", ".join([*summary.table(config.embedding), *own]) or "a plain table"


def _attention(block: Block.Config, d_model: int) -> str:
    part = block.attention
    return ", ".join(filter(None, [words.attention(part), words.mask(part.mask) or "sees all", *words.score_extras(part)]))


told: dict[str, Teller] = {
    "shape": _shape,
    "layers": _layers,
    "vocabulary": lambda c: f"{c.vocab_size:,} tokens",
    "depth": _depth,
    "width": _width,
    "key heads": of_layers(_keys),
    "block": of_layers(lambda block, _: "in parallel" if isinstance(block, ParallelBlock.Config) else "attention, then feed-forward"),
    "positions": _positions,
    "norms": _norms,
    "attention": of_layers(_attention),
    "feed-forward": of_layers(lambda block, _: words.feed_forward(block.feed_forward)),
    "d_ff": of_layers(lambda block, _: words.widths(block.feed_forward)),
    "biases": of_layers(lambda block, _: words.biases(block)),
    "embedding": _embedding,
    "head": lambda c: summary.head(c.head) + (", pooler" if c.pooler is not None else ""),
    "dropout": lambda c: f"{c.embedding.dropout:g}",
    "first weights": lambda c: words.brief(c.init),
}


def said(what: Iterable[str], before: Model.Config, after: Model.Config, made: Iterable[Edit]) -> tuple[str, str]:
    """The aspects before and after; where their words are the same, the fields that changed."""
    of = [(told[aspect](before), told[aspect](after)) for aspect in what]
    pairs = [pair for pair in of if pair[0] != pair[1]]
    if pairs:
        return "; ".join(b for b, _ in pairs), "; ".join(a for _, a in pairs)
    fields = {(_field(edit), _value(edit.before), _value(edit.after)) for edit in made}
    return ", ".join(f"{name} {b}" for name, b, _ in sorted(fields)), ", ".join(f"{name} {a}" for name, _, a in sorted(fields))


def _field(edit: Edit) -> str:
    names = [name for name in edit.path if isinstance(name, str)]
    return " ".join(names[-2:]).replace("_", " ")


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("kind"))
    return "none" if value is None else words.plain(value)
