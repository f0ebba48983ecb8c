"""A stack with fewer layers (or more): whole repetitions of its pattern, and some of each kind that stands before it."""

from __future__ import annotations

import dataclasses

from anyformer.model.skeleton import period
from anyformer.model.stack import Stack
from anyformer.parts.block import Block

WRITTEN_OUT = 8  # a longer pattern that stands once is a list of layers, which can be thinned


def shorten(stack: Stack.Config, share: float) -> Stack.Config:
    """About this share of the layers: whole repetitions of the pattern, at least one, and some of the layers before it."""
    if share == 1:
        return stack
    first, pattern = stack.first[: stack.n_layers], period(stack)
    rest = stack.n_layers - len(first)
    if len(pattern) > WRITTEN_OUT and rest <= len(pattern):
        pattern = _thin(pattern[:rest], share)
        times = 1
    else:
        times = max(1, round(share * rest / len(pattern)))
    kept = _thin(first, share) if first else ()
    return dataclasses.replace(stack, first=kept, blocks=pattern, n_layers=len(kept) + times * len(pattern))


def _thin(blocks: tuple[Block.Config, ...], share: float) -> tuple[Block.Config, ...]:
    """Evenly spaced layers, and each kind at least once."""
    wanted = max(1, round(share * len(blocks)))
    kinds = {blocks.index(block) for block in blocks}
    even = {round(i * (len(blocks) - 1) / max(1, wanted - 1)) for i in range(wanted)}
    spare = sorted(even - kinds)[: max(0, wanted - len(kinds))]
    return tuple(blocks[i] for i in sorted(kinds | set(spare)))
