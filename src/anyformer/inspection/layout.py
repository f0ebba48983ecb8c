"""Two configs brought to one layout, so that their layers can be compared one by one: the same stacks, the same number of kinds of layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from anyformer.errors import ConfigError
from anyformer.inspection.edits import edits
from anyformer.model.model import Model
from anyformer.model.skeleton import period, stacks
from anyformer.model.stack import Stack
from anyformer.parts.block import Block
from anyformer.parts.mask import Causal, Full


def plain(config: Model.Config) -> Model.Config:
    """The same model with each pattern of layers written once."""
    short: dict[str, Any] = {side: dataclasses.replace(stack, blocks=period(stack)) for side, stack in stacks(config).items()}
    return dataclasses.replace(config, **short)


def alike(a: Model.Config, b: Model.Config) -> Iterator[tuple[str, Model.Config]]:
    """(aspect, `a` so far) for each step that brings `a` to the layout of `b`."""
    try:
        shaped = _with_stacks_of(a, b)
    except (ConfigError, TypeError):  # no such block with a cross-attention, or masks that do not suit the other side
        shaped = a
    if shaped != a:
        yield "shape", shaped
    laid: dict[str, Any] = {side: _with_layout_of(stack, stacks(b)[side]) for side, stack in stacks(shaped).items() if side in stacks(b)}
    made = dataclasses.replace(shaped, **laid)
    if made != shaped:
        yield "layers", made


def _with_stacks_of(a: Model.Config, b: Model.Config) -> Model.Config:
    have, want = set(stacks(a)), set(stacks(b))
    if have == want:
        return a
    if len(have) == len(want) == 1:
        [(_, only)] = stacks(a).items()
        moved: dict[str, Any] = {side: _looking(only, past="decoder" in want) if side in want else None for side in ("encoder", "decoder")}
        return dataclasses.replace(a, **moved)
    if len(want) == 1:
        kept: dict[str, Any] = {side: _without_memory(stack) if side in want else None for side, stack in stacks(a).items()}
        return dataclasses.replace(a, encoder_embedding=None, **kept)
    [(_, only)] = stacks(a).items()
    return dataclasses.replace(a, encoder=_looking(only, past=False), decoder=_looking(only, past=True, memory=True))


def _without_memory(stack: Stack.Config) -> Stack.Config:
    def bare(block: Any) -> Block.Config:
        return block if block.cross_attention is None else dataclasses.replace(block, cross_attention=None)

    return dataclasses.replace(stack, blocks=tuple(map(bare, stack.blocks)), first=tuple(map(bare, stack.first)))


def _looking(stack: Stack.Config, past: bool, memory: bool = False) -> Stack.Config:
    """The stack with masks that see the past alone, or both ways; with `memory`, reading an encoder's output."""

    def made(block: Any) -> Block.Config:
        one_way = block.attention.mask.extent(range(1), range(1, 2)) == "none"
        mask = block.attention.mask if one_way == past else Causal() if past else Full()
        over = {"cross_attention": dataclasses.replace(block.attention, mask=Full(), position=None)} if memory else {}
        return dataclasses.replace(block, attention=dataclasses.replace(block.attention, mask=mask), **over)

    return dataclasses.replace(stack, blocks=tuple(map(made, stack.blocks)), first=tuple(map(made, stack.first)))


def _with_layout_of(a: Stack.Config, b: Stack.Config) -> Stack.Config:
    """Each kind of layer of `b` as the layer of `a` that is most like it."""
    if (len(a.first), len(a.blocks)) == (len(b.first), len(b.blocks)):
        return a
    first = tuple(_nearest((*a.first, *a.blocks), block) for block in b.first)
    return dataclasses.replace(a, first=first, blocks=tuple(_nearest(a.blocks, block) for block in b.blocks), n_layers=max(a.n_layers, len(first) + 1))


def _nearest(blocks: tuple[Block.Config, ...], wanted: Block.Config) -> Block.Config:
    return min(blocks, key=lambda block: len(list(edits(block.to_dict(), wanted.to_dict()))))
