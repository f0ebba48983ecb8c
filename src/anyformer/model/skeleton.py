"""A model without storage that has one layer for each distinct block: enough to count a billion layers, or two thousand experts, in milliseconds."""

from __future__ import annotations

import dataclasses
from collections import Counter
from functools import lru_cache
from typing import Any, NamedTuple

import torch

from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.block import Block


class Layers(NamedTuple):
    """All layers of a stack that have the same config."""

    side: str  # "encoder" or "decoder"
    block: Block.Config
    module: Block  # one of them, on the meta device
    copies: int
    where: str  # which: `*`, `0-2`, `1, 3, .. 23`, `5 of 6`


class Skeleton(NamedTuple):
    """`model` is on the meta device; layer i of its stacks is the i-th of `layers` of that side. To be read only."""

    config: Model.Config
    model: Model
    layers: tuple[Layers, ...]


@lru_cache(maxsize=16)
def skeleton(config: Model.Config) -> Skeleton:
    reduced: dict[str, Any] = {side: reduce(stack) for side, stack in stacks(config).items()}
    with torch.device("meta"):
        model = dataclasses.replace(config, **reduced).build()
    layers = []
    for side, stack in stacks(config).items():
        for (block, copies), module in zip(distinct(stack).items(), getattr(model, side).layers, strict=True):
            layers.append(Layers(side, block, module, copies, where(stack, block)))
    return Skeleton(config, model, tuple(layers))


def stacks(config: Model.Config) -> dict[str, Stack.Config]:
    """Those of encoder and decoder that there are."""
    return {side: stack for side, stack in (("encoder", config.encoder), ("decoder", config.decoder)) if stack is not None}


def reduce(stack: Stack.Config) -> Stack.Config:
    """The same stack with each distinct layer once."""
    blocks = tuple(distinct(stack))
    return dataclasses.replace(stack, n_layers=len(blocks), blocks=blocks, first=())


def distinct(stack: Stack.Config) -> Counter[Block.Config]:
    """How many layers have each config, in order of their first."""
    first = stack.first[: stack.n_layers]
    times, over = divmod(stack.n_layers - len(first), len(stack.blocks))
    found: Counter[Block.Config] = Counter()
    for block in first:
        found[block] += 1
    for i, block in enumerate(stack.blocks):
        if times + (i < over):
            found[block] += times + (i < over)
    return found


def period(stack: Stack.Config) -> tuple[Block.Config, ...]:
    """The pattern without its own repetitions: `blocks` that were written out are one block again."""
    blocks = stack.blocks
    for n in range(1, len(blocks)):
        if len(blocks) % n == 0 and blocks == blocks[:n] * (len(blocks) // n):
            return blocks[:n]
    return blocks


def where(stack: Stack.Config, block: Block.Config) -> str:
    """Which layers have this config, in few characters however many they are."""
    if len(distinct(stack)) == 1:
        return "*"
    pattern, begin = period(stack), len(stack.first[: stack.n_layers])
    rest = stack.n_layers - begin
    at = [i for i, b in enumerate(stack.first[:begin]) if b == block]
    offsets = [i for i, b in enumerate(pattern) if b == block and i < rest]
    if rest <= len(pattern):  # no repetition
        return _ranges([*at, *(begin + i for i in offsets)])
    if len(offsets) == len(pattern):
        repeated = f"{begin}-{stack.n_layers - 1}"
    elif len(offsets) == 1:
        members = range(begin + offsets[0], stack.n_layers, len(pattern))
        repeated = ", ".join(map(str, members)) if len(members) <= 3 else f"{members[0]}, {members[1]}, .. {members[-1]}"
    else:
        repeated = f"{len(offsets)} of {len(pattern)}" if offsets else ""
    return ", ".join(filter(None, [_ranges(at), repeated]))


def _ranges(numbers: list[int]) -> str:
    """`0-2, 5` for 0, 1, 2, 5."""
    spans: list[list[int]] = []
    for n in numbers:
        if spans and n == spans[-1][-1] + 1:
            spans[-1][1:] = [n]
        else:
            spans.append([n])
    shown = ["-".join(map(str, span)) for span in spans]
    return ", ".join(shown if len(shown) <= 4 else [*shown[:2], "..", shown[-1]])
