"""Who sees whom in each layer of a model, as tables and as text. T queries, S keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.lowering import reference
from anyformer.parts.mask import FULL, Causal, Mask
from anyformer.parts.mask_facts import whole
from anyformer.parts.place import place_of

MOST_COLUMNS = 96  # of a text
MOST_DOUBLED = 8192  # tokens


@dataclass(frozen=True)
class SeenPairs:
    """One mask, and where it stands in a model."""

    mask: Mask
    table: Tensor  # [T, S] bool: query t sees key s
    stack: str = ""  # "encoder", "decoder" or "decoder across"; empty: a mask by itself
    layers: tuple[int, ...] = ()  # from 0
    of_layers: int = 0
    head: int | None = None  # where heads differ: which one is shown, from 0

    @property
    def title(self) -> str:
        text = self.mask.to_text()
        return f"{self.where}: {text}" if self.stack else text

    @property
    def where(self) -> str:
        name = self.stack.replace(" across", ", across to the encoder")
        return name if len(self.layers) == self.of_layers else f"{name}, {_numbers(self.layers)} of {self.of_layers}"

    @property
    def line(self) -> str:
        """How much is seen."""
        pairs, of = int(self.table.sum()), self.table.numel()
        head = "" if self.head is None else f"head {self.head + 1} of {self.mask.own_heads}; "
        return f"{head}{pairs:,} of {of:,} pairs ({pairs / of:.0%}); a token sees {int(self.table.sum(1).min())} to {int(self.table.sum(1).max())}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `rows` has a row for each query, a digit for each key, 1 where it is seen. Layers count from 0."""
        return {
            "stack": self.stack or None,
            "layers": list(self.layers),
            "mask": self.mask.to_text(),
            "head": self.head,
            "pairs": int(self.table.sum()),
            "share": round(float(self.table.float().mean()), 6),
            "holds": sorted(self.mask.guarantees()),
            "rows": ["".join("1" if seen else "0" for seen in row) for row in self.table.tolist()],
        }


def of_mask(mask: Mask, length: int, prefix: int | None = None, head: int = 0) -> SeenPairs:
    """A mask over a text of `length` tokens whose first `prefix` are open (None: a quarter)."""
    open_ = torch.arange(length) < (length // 4 if prefix is None else prefix)
    place = place_of(torch.zeros(1, length, dtype=torch.int64), None, None, open_.unsqueeze(0))
    apart = mask.own_heads > 1
    table = reference(mask, place, place, head % mask.own_heads).expand(1, length, length)[0].clone()
    return SeenPairs(mask, table, head=head % mask.own_heads if apart else None)


def length_that_shows(mask: Mask, length: int) -> int | None:
    """The first doubling of `length`, up to `MOST_DOUBLED`, at which this mask is more than the whole square or the causal triangle; None: it is
    so already, or never."""
    simple = (FULL, Causal())
    if _reduced(mask, length) not in simple:
        return None
    while (length := 2 * length) <= MOST_DOUBLED:
        if _reduced(mask, length) not in simple:
            return length
    return None


def _reduced(mask: Mask, length: int) -> Mask | None:
    span = whole(range(length), (length, length), True, True)
    return mask.reduced(span, span)


def of_config(config: Model.Config, length: int, prefix: int | None = None, head: int = 0) -> list[SeenPairs]:
    """Each distinct mask of each stack once, with the layers that have it; between the stacks only what is not seen whole."""
    found = []
    for name, stack in (("encoder", config.encoder), ("decoder", config.decoder)):
        for where, masks in () if stack is None else _masks(name, stack):
            for mask in dict.fromkeys(m for m in masks if m is not None):
                seen = of_mask(mask, length, prefix, head)
                layers = tuple(i for i, m in enumerate(masks) if m == mask)
                if where == name or not bool(seen.table.all()):
                    found.append(SeenPairs(mask, seen.table, where, layers, len(masks), seen.head))
    return found


def _masks(name: str, stack: Stack.Config) -> list[tuple[str, list[Mask | None]]]:
    layers = stack.layers()
    across = [None if layer.cross_attention is None else layer.cross_attention.mask for layer in layers]
    return [(name, [layer.attention.mask for layer in layers]), (f"{name} across", across)]


def _numbers(layers: Sequence[int]) -> str:
    """`layers 1, 3, 5` or `layers 1 to 4`, counted from 1."""
    shown = [i + 1 for i in layers]
    if len(shown) == 1:
        return f"layer {shown[0]}"
    if shown == list(range(shown[0], shown[-1] + 1)):
        return f"layers {shown[0]} to {shown[-1]}"
    return "layers " + (", ".join(map(str, shown)) if len(shown) <= 8 else f"{', '.join(map(str, shown[:6]))}, …, {shown[-1]}")


def in_text(table: Tensor) -> str:
    """A table in half blocks: a column a key, two rows a line; in long texts a dot stands for a square of tokens, of which some pair is seen."""
    each = -(-table.shape[1] // MOST_COLUMNS)
    dots = pooled(table, each) > 0
    if len(dots) % 2:
        dots = torch.cat([dots, torch.zeros_like(dots[:1])])
    lines = [
        "".join(" ▀▄█"[a + 2 * b] for a, b in zip(upper, lower, strict=True))
        for upper, lower in zip(dots[::2].int().tolist(), dots[1::2].int().tolist(), strict=True)
    ]
    note = [] if each == 1 else [f"(a dot stands for {each} x {each} tokens)"]
    return "\n".join([*(line.rstrip() for line in lines), *note])


def pooled(table: Tensor, each: int) -> Tensor:
    """The share of pairs that are seen in each square of so many tokens."""
    if each == 1:
        return table.float()
    padded = torch.nn.functional.pad(table.float(), (0, -table.shape[1] % each, 0, -table.shape[0] % each))
    return torch.nn.functional.avg_pool2d(padded[None, None], each)[0, 0]
